"""Whether one method is better than another on the same seeds, classes or datasets."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TypeVar

Name = TypeVar("Name")
LEVEL = 0.05
"""Below which probability a difference counts as significant."""
DIGITS = 9
"""Decimals of a difference that a test of ranks looks at."""


def t_test(one: Sequence[float], other: Sequence[float]) -> float | None:
    """The two-sided probability of Student's paired test, for a few seeds.

    Args:
        one: Values of one method.
        other: Of another, on the same seeds in the same order.

    Returns:
        None where nothing can be said: with fewer than two pairs. Differences that are all the same, and
        not 0, have probability 0; without any difference it is 1.
    """
    differences = _differences(one, other)
    if len(differences) < 2:
        return None
    mean, std = statistics.fmean(differences), statistics.stdev(differences)
    if std == 0:
        return 0.0 if mean else 1.0
    from scipy.special import stdtr  # scipy.stats takes most of a second to import

    t = mean / (std / math.sqrt(len(differences)))
    return float(2 * stdtr(len(differences) - 1, -abs(t)))


def wilcoxon_test(one: Sequence[float], other: Sequence[float]) -> float | None:
    """The two-sided probability of Wilcoxon's signed ranks, for many pairs such as per-class accuracies.

    Differences that rounding alone tells apart count as equal: they are taken to DIGITS decimals.

    Returns:
        None with fewer than two pairs; 1 without any difference.
    """
    differences = [round(difference, DIGITS) for difference in _differences(one, other)]
    if len(differences) < 2:
        return None
    if not any(differences):
        return 1.0
    from scipy.stats import wilcoxon

    return float(wilcoxon(differences).pvalue)


def holm(probabilities: Mapping[Name, float]) -> dict[Name, float]:
    """Each probability as it counts among all of them (Holm 1979, step down); in the same order."""
    ordered = sorted(probabilities, key=lambda name: probabilities[name])
    corrected: dict[Name, float] = {}
    highest = 0.0
    for position, name in enumerate(ordered):
        highest = max(highest, min(1.0, (len(ordered) - position) * probabilities[name]))
        corrected[name] = highest
    return {name: corrected[name] for name in probabilities}


def _differences(one: Sequence[float], other: Sequence[float]) -> list[float]:
    differences = [first - second for first, second in zip(one, other, strict=True)]
    if not all(map(math.isfinite, differences)):
        raise ValueError("values that are no numbers cannot be compared")
    return differences
