"""What the trials of a study came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from optuna.trial import FrozenTrial, TrialState

FAILURE, SCORE = "failure", "judged"
"""Names of a trial's attributes in the file of the study; those of version 0.1."""
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
        values: The values of the parameters that are searched.
        value: The metric in percent on the validation classes at the last epoch; None if it has not finished.
        metrics: The five metrics there, with the epochs.
        best_epoch: The evaluated epoch of highest H; nothing is decided by it.
        epochs: The metric by evaluated epoch.
        failure: Why it failed or diverged.
    """

    number: int
    state: str
    values: Mapping[str, Any]
    value: float | None
    metrics: Mapping[str, Any] | None
    best_epoch: int | None
    epochs: Mapping[int, float]
    failure: str | None

    def __str__(self) -> str:
        """Say in a line what becomes of it: its values while it runs, its outcome in the end."""
        what = self.state
        if self.state == "running":
            shown = {
                k: f"{value:.4g}" if isinstance(value, float) else value for k, value in self.values.items()
            }
            what = " ".join(f"{name}={value}" for name, value in shown.items())
        elif self.value is not None:
            what = f"{self.value:.2f} on validation classes"
        elif self.state == "failed":
            what = f"failed: {self.failure}"
        return f"trial {self.number}: {what}"


@dataclass(frozen=True)
class StudyResult:
    """All trials of a study, by number."""

    trials: Sequence[TrialResult]

    @property
    def counts(self) -> dict[str, int]:
        """Number of trials by state, for states that occur."""
        counts = Counter(trial.state for trial in self.trials)
        return {state: counts[state] for state in (*STATES.values(), DIVERGED) if counts[state]}

    @property
    def run(self) -> int:
        """Number of trials that have ended, in any way."""
        return sum(trial.state not in ("running", "waiting") for trial in self.trials)

    @property
    def preset(self) -> TrialResult | None:
        """The preset's trial, if it has finished."""
        return next((trial for trial in self.trials[:1] if trial.value is not None), None)

    @property
    def best(self) -> TrialResult | None:
        """The finished trial of the highest value, the first of equal ones; None if none has finished."""
        finished = [trial for trial in self.trials if trial.value is not None]
        return max(finished, key=lambda trial: trial.value or 0.0, default=None)


def read_trial(trial: FrozenTrial) -> TrialResult:
    """Read a trial as the study's file has it; a ValueError or AttributeError if it is damaged."""
    failure, score = trial.user_attrs.get(FAILURE), trial.user_attrs.get(SCORE, {})
    finished = trial.state == TrialState.COMPLETE and failure is None
    diverged = trial.state == TrialState.COMPLETE and not finished
    found = TrialResult(
        trial.number,
        DIVERGED if diverged else STATES[trial.state],
        dict(trial.params or trial.system_attrs.get("fixed_params", {})),
        trial.value if finished else None,
        score.get("metrics") if finished else None,
        score.get("best_epoch"),
        dict(sorted(trial.intermediate_values.items())),
        failure,
    )
    return msgspec.convert(vars(found), TrialResult)  # checks the types
