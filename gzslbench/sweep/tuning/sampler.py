"""What proposes a trial's values: for each trial anew, from the root seed and the trial's number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from gzslbench.computing.seeds import stream

SAMPLERS = ("tpe", "random")
_FIRST = 5
"""Trials that must have been completed before one is pruned."""


class NumberedSampler(BaseSampler):
    """Of the same trials so far it proposes the same for trial N, whichever process asks, and however often.

    So a study that was stopped goes on as if it had not been, and workers do not propose the same at random.
    """

    def __init__(self, kind: str, seed: int) -> None:
        self.kind = kind
        self.seed = seed
        self.inner: BaseSampler = RandomSampler(seed=0)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Begin the trial's own stream."""
        seed = stream(self.seed, "tuning", trial.number) % 2**32
        self.inner = TPESampler(seed=seed) if self.kind == "tpe" else RandomSampler(seed=seed)
        self.inner.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """As the trial's sampler has it."""
        return self.inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """As the trial's sampler has it."""
        return self.inner.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """As the trial's sampler has it."""
        return self.inner.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """As the trial's sampler has it."""
        self.inner.after_trial(study, trial, state, values)


def pruner(eval_every: int) -> BasePruner:
    """Ends a trial whose best H so far is below the median at the same epoch, from its third evaluation on.

    ``eval_every``: epochs between evaluations; 0 ends none.
    """
    if not eval_every:
        return NopPruner()
    return MedianPruner(n_startup_trials=_FIRST, n_warmup_steps=3 * eval_every)
