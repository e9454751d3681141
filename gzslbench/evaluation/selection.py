"""Which of the evaluated epochs a reported number comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gzslbench.errors import ParamError, did_you_mean
from gzslbench.evaluation.metrics import Metrics


@dataclass(frozen=True)
class Scored:
    """What selection needs of an evaluation.

    Attributes:
        epoch: Completed epochs of the model.
        trace: Metrics after each epoch of the head, at least one.
    """

    epoch: int
    trace: Sequence[Metrics]


@dataclass(frozen=True)
class Chosen:
    """The numbers after ``epoch`` epochs of the model and ``head_epoch`` epochs of the head, both from 1."""

    epoch: int
    head_epoch: int
    metrics: Metrics


@dataclass(frozen=True)
class _Rule:
    """Which epochs a rule may pick from: all of the model's or the last, all of the head's or the last."""

    any_epoch: bool
    any_head_epoch: bool


_RULES = {
    "last": _Rule(any_epoch=False, any_head_epoch=False),
    "test-peek-inner": _Rule(any_epoch=False, any_head_epoch=True),
    "test-peek-outer": _Rule(any_epoch=True, any_head_epoch=False),
    "test-peek": _Rule(any_epoch=True, any_head_epoch=True),
}

PEEKS = ("test-peek-inner", "test-peek-outer", "test-peek")
"""Rules that choose by test accuracy, as most published numbers do; never ranked."""


def select(rule: str, history: Sequence[Scored]) -> Chosen:
    """What ``rule`` reports of a run.

    ``last`` takes the last epoch of model and head; ``test-peek-inner`` the head's epoch of highest H in
    the model's last epoch; ``test-peek-outer`` the model's epoch of highest H with the head's last epoch;
    ``test-peek`` the highest H of all, which is honest on the evaluations of a validation split. The
    earliest of equals is taken.

    Args:
        rule: ``last`` or one of ``PEEKS``.
        history: Evaluations of one run by increasing epoch; at least one.

    Raises:
        ParamError: There is no such rule.
    """
    if rule not in _RULES:
        raise ParamError(
            f"no selection rule {rule!r}", where="selection", fix=did_you_mean(rule, list(_RULES))
        )
    chosen = _RULES[rule]
    epochs = history if chosen.any_epoch else history[-1:]
    return _highest(candidate for one in epochs for candidate in _candidates(one, chosen.any_head_epoch))


def _candidates(evaluation: Scored, any_head_epoch: bool) -> Iterator[Chosen]:
    first = 0 if any_head_epoch else len(evaluation.trace) - 1
    for index in range(first, len(evaluation.trace)):
        yield Chosen(evaluation.epoch, index + 1, evaluation.trace[index])


def _highest(candidates: Iterator[Chosen]) -> Chosen:
    return max(candidates, key=lambda chosen: chosen.metrics.H)
