"""What proposes the values of a trial, from the study's seed and the trial's number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from gzslbench.computing.seeds import stream

MIN_FINISHED_TRIALS = 5
"""No trial is pruned before this many have finished."""
MIN_EVALUATIONS = 3
"""No trial is pruned before its evaluation of this number."""


class NumberedSampler(BaseSampler):
    """Proposes the same values for trial N after the same trials, in every process and however often.

    So a study that was stopped continues as if it had not been, and two workers do not draw the same values.
    """

    def __init__(self, kind: str, seed: int) -> None:
        self.kind = kind
        self.seed = seed
        self.inner: BaseSampler = RandomSampler(seed=0)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Start the random stream of this trial."""
        seed = stream(self.seed, "tuning", trial.number) % 2**32
        self.inner = TPESampler(seed=seed) if self.kind == "tpe" else RandomSampler(seed=seed)
        self.inner.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Ask the sampler of this trial."""
        return self.inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Ask the sampler of this trial."""
        return self.inner.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Ask the sampler of this trial."""
        return self.inner.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Ask the sampler of this trial."""
        self.inner.after_trial(study, trial, state, values)


def make_pruner(eval_every: int) -> BasePruner:
    """Create what prunes a trial whose best H so far is below the median of other trials at the same epoch.

    Args:
        eval_every: Epochs between two evaluations; 0 prunes no trial.
    """
    if not eval_every:
        return NopPruner()
    return MedianPruner(n_startup_trials=MIN_FINISHED_TRIALS, n_warmup_steps=MIN_EVALUATIONS * eval_every)
