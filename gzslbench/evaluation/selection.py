"""Selection rules: which of the evaluated epochs a reported number comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal, get_args

from gzslbench.errors import ParamError, did_you_mean

if TYPE_CHECKING:
    from gzslbench.evaluation.metrics import Metrics

Transfer = Literal["quantile", "gamma"]
TRANSFERS: tuple[Transfer, ...] = get_args(Transfer)
DEFAULT_TRANSFER: Transfer = "quantile"
"""The better way of passing gamma on, over methods and datasets: see docs/calibration.md."""


@dataclass(frozen=True)
class GammaChoice:
    """The gamma of highest H on one validation split.

    Attributes:
        gamma: In the unit of the scores of the model that was trained for validation.
        quantile: Share of that model's training rows whose gap is below gamma, 0 to 1.
        H: The harmonic mean that gamma gives on the validation classes, percent.
    """

    gamma: float
    quantile: float
    H: float


@dataclass(frozen=True)
class EvaluatedEpoch:
    """The metrics of a model after ``epoch`` epochs; ``trace`` has one entry for each epoch of the head.

    On the validation classes of a calibrated run ``gammas`` has the best gamma of each entry, else nothing.
    """

    epoch: int
    trace: Sequence[Metrics]
    gammas: Sequence[GammaChoice] = ()


@dataclass(frozen=True)
class SelectedEpoch:
    """The metrics after ``epoch`` epochs of the model and ``head_epoch`` epochs of the head, both from 1."""

    epoch: int
    head_epoch: int
    metrics: Metrics
    gamma: GammaChoice | None = None


RULES = {
    "last-calibrated": "last epoch, calibrated",
    "val-calibrated": "validated epoch, calibrated",
    "last": "last epoch",
    "val": "validated epoch",
    "test-peek": "best epoch on TEST",
    "test-peek-inner": "best epoch of the head on TEST",
    "test-peek-outer": "best epoch of the model on TEST",
    "test-peek-gamma": "gamma chosen on TEST",
}
"""By rule, in the order in which views show them, how epoch and gamma are chosen."""

# Whether a rule may pick any epoch of the model, and of the head; otherwise it takes the last one.
_CHOICES = {
    "last": (False, False),
    "test-peek-inner": (False, True),
    "test-peek-outer": (True, False),
    "test-peek": (True, True),
}

PEEKS = ("test-peek-inner", "test-peek-outer", "test-peek")
"""Rules that choose by test accuracy, as most published numbers do; never ranked."""


def select(rule: str, history: Sequence[EvaluatedEpoch], metric: str = "H") -> SelectedEpoch:
    """Select the epoch that ``rule`` reports of a run.

    ``last`` takes the last epoch of model and head. ``test-peek-inner`` takes the epoch of the head with the
    highest H in the model's last epoch; ``test-peek-outer`` the epoch of the model with the highest H at the
    head's last epoch; ``test-peek`` the highest H of all, which is honest on the evaluations of a validation
    split. Among equals the earliest is taken.

    Args:
        rule: ``last`` or one of ``PEEKS``.
        history: Evaluations of one run by increasing epoch; at least one.
        metric: Whose highest value is taken, instead of H.

    Raises:
        ParamError: The rule is unknown.
    """
    if rule not in _CHOICES:
        fix = did_you_mean(rule, list(_CHOICES))
        raise ParamError(f"unknown selection rule {rule!r}", where="selection", fix=fix)
    any_epoch, any_head_epoch = _CHOICES[rule]
    candidates = (
        SelectedEpoch(evaluated.epoch, head_epoch, metrics, gamma)
        for evaluated in (history if any_epoch else history[-1:])
        for head_epoch, (metrics, gamma) in enumerate(zip_longest(evaluated.trace, evaluated.gammas), start=1)
        if any_head_epoch or head_epoch == len(evaluated.trace)
    )
    return max(candidates, key=lambda candidate: getattr(candidate.metrics, metric))
