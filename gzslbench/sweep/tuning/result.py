"""What a study has come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from gzslbench.sweep.tuning.study import FAILURE, JUDGED

STATES = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}
DIVERGED = "diverged"


@dataclass(frozen=True)
class TrialResult:
    """One trial.

    Attributes:
        number: From 0, which is the preset's.
        state: ``finished``, ``pruned``, ``diverged``, ``failed``, ``running`` or ``waiting``.
        values: Of the parameters that are searched.
        H: On the validation classes at the last epoch, in percent; None where it has not finished.
        metrics: The five metrics there, with the epochs.
        best_epoch: The evaluated epoch of highest H, for the curious.
        epochs: H by evaluated epoch.
        failure: Why it failed or diverged.
    """

    number: int
    state: str
    values: Mapping[str, Any]
    H: float | None = None
    metrics: Mapping[str, Any] | None = None
    best_epoch: int | None = None
    epochs: Mapping[int, float] | None = None
    failure: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Every field by name."""
        return asdict(self)


@dataclass(frozen=True)
class Result:
    """All trials of a study, by number."""

    trials: Sequence[TrialResult]

    @property
    def counts(self) -> dict[str, int]:
        """Trials by state, those states without one left out."""
        states = [trial.state for trial in self.trials]
        return {
            state: states.count(state)
            for state in dict.fromkeys([*STATES.values(), DIVERGED])
            if state in states
        }

    @property
    def run(self) -> int:
        """Trials that have ended, however."""
        return sum(trial.state not in ("running", "waiting") for trial in self.trials)

    @property
    def preset(self) -> TrialResult | None:
        """The preset's trial, where it has finished."""
        return next((trial for trial in self.trials[:1] if trial.H is not None), None)

    @property
    def best(self) -> TrialResult | None:
        """The finished trial of highest H, the earliest of equals; None where none has finished."""
        finished = [trial for trial in self.trials if trial.H is not None]
        return max(finished, key=lambda trial: trial.H or 0.0, default=None)


def result_of(trials: Sequence[FrozenTrial]) -> Result:
    """The trials as optuna has them."""
    return Result([_trial(trial) for trial in trials])


def _trial(trial: FrozenTrial) -> TrialResult:
    failure = trial.user_attrs.get(FAILURE)
    judged = trial.user_attrs.get(JUDGED, {})
    state = STATES[trial.state]
    if state == "finished" and failure is not None:
        state = DIVERGED
    values = trial.params or trial.system_attrs.get("fixed_params", {})
    finished = state == "finished"
    return TrialResult(
        trial.number,
        state,
        dict(values),
        trial.value if finished else None,
        judged.get("metrics") if finished else None,
        judged.get("best_epoch"),
        dict(sorted(trial.intermediate_values.items())),
        failure,
    )
