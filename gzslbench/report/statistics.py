"""Statistics of numbers that differ from seed to seed: intervals, paired tests, and ranks over datasets.

scipy.stats takes most of a second to import, so each function imports it when it is called.
"""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Name = TypeVar("Name")
CONFIDENCE = 0.95
"""Of the intervals of means."""
SIGNIFICANCE = 0.05
"""A difference with a probability below this counts as significant."""
DECIMALS = 9
"""Differences are rounded to so many decimals before they are ranked."""


@dataclass(frozen=True)
class Estimate:
    """A mean over ``n`` seeds.

    ``std`` has n - 1 in the denominator. With one seed it and the confidence interval of the mean are None.
    """

    mean: float
    std: float | None
    interval: tuple[float, float] | None
    n: int


def student_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Compute Student's interval of the mean, which assumes that seeds are normally distributed."""
    from scipy.special import stdtrit  # much faster to import than scipy.stats

    mean, n = statistics.fmean(values), len(values)
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * statistics.stdev(values) / n**0.5
    return mean - half, mean + half


def bootstrap_interval(
    values: Sequence[float], confidence: float = CONFIDENCE, resamples: int = 9999
) -> tuple[float, float]:
    """Compute the percentile interval of the mean over resampled values, which assumes no distribution.

    It is too narrow for a handful of values (Efron & Tibshirani 1993). The samples are the same every time.
    """
    import numpy as np
    from scipy.stats import bootstrap

    interval = bootstrap(
        (np.asarray(values, dtype=np.float64),),
        np.mean,
        confidence_level=confidence,
        n_resamples=resamples,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class IntervalMethod:
    """A way to compute the interval of a mean of two values or more; tables print the description."""

    description: str
    compute: Callable[[Sequence[float]], tuple[float, float]]


STUDENT = IntervalMethod("Student's 95 % interval of the mean", student_interval)
BOOTSTRAP = IntervalMethod(
    "95 % interval of the mean over resampled seeds, too narrow for a handful of seeds", bootstrap_interval
)


def estimate(values: Sequence[float], method: IntervalMethod = STUDENT) -> Estimate:
    """Return the mean of ``values``, one per seed and at least one, with its spread and interval."""
    mean, n = statistics.fmean(values), len(values)
    if n == 1:
        return Estimate(mean, None, None, 1)
    return Estimate(mean, statistics.stdev(values), method.compute(values), n)


def t_test(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return the two-sided probability of Student's paired test, for a few seeds.

    It is None with fewer than two pairs. If all differences are equal, it is 1 where they are 0, else 0.
    """
    differences = _differences(one, other)
    if len(differences) < 2:
        return None
    if len(set(differences)) == 1:
        return 0.0 if differences[0] else 1.0
    from scipy.stats import ttest_rel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # scipy warns of nearly equal differences
        return float(ttest_rel(one, other).pvalue)


def wilcoxon_test(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return the two-sided probability of Wilcoxon's signed-rank test, for many pairs such as classes.

    Differences are rounded, so that rounding errors do not decide their ranks. The probability is None with
    fewer than two pairs, and 1 without any difference.
    """
    differences = [round(difference, DECIMALS) for difference in _differences(one, other)]
    if len(differences) < 2:
        return None
    if not any(differences):
        return 1.0
    from scipy.stats import wilcoxon

    return float(wilcoxon(differences).pvalue)


def _differences(one: Sequence[float], other: Sequence[float]) -> list[float]:
    differences = [first - second for first, second in zip(one, other, strict=True)]
    if not all(map(math.isfinite, differences)):
        raise ValueError("values that are not finite cannot be compared")
    return differences


def holm(probabilities: Mapping[Name, float]) -> dict[Name, float]:
    """Correct probabilities for being several (Holm 1979, step down); the order of names is kept."""
    corrected = dict(probabilities)
    highest = 0.0
    for position, name in enumerate(sorted(probabilities, key=lambda name: probabilities[name])):
        highest = max(highest, min(1.0, (len(probabilities) - position) * probabilities[name]))
        corrected[name] = highest
    return corrected


@dataclass(frozen=True)
class Ranking:
    """Average ranks of methods over datasets (Demsar, JMLR 2006).

    Attributes:
        ranks: By method, from 1 for the best; equal methods share the mean of their ranks.
        datasets: Number of datasets.
        probability: Probability of Friedman's test that all methods are alike; None with fewer than three
            methods or two datasets.
        critical_difference: Ranks that differ by less do not differ significantly (Nemenyi 1963); None
            where ``probability`` is None.
    """

    ranks: Mapping[str, float]
    datasets: int
    probability: float | None
    critical_difference: float | None

    @property
    def cliques(self) -> list[tuple[str, ...]]:
        """The largest groups of methods, best first, within which no two differ significantly."""
        if self.critical_difference is None:
            return []
        ordered = sorted(self.ranks, key=lambda name: self.ranks[name])
        groups: list[tuple[str, ...]] = []
        for start, first in enumerate(ordered):
            limit = self.ranks[first] + self.critical_difference
            group = tuple(name for name in ordered[start:] if self.ranks[name] <= limit)
            if len(group) > 1 and not (groups and groups[-1][-1] == group[-1]):
                groups.append(group)
        return groups


def rank(values: Mapping[str, Sequence[float]], level: float = SIGNIFICANCE) -> Ranking:
    """Rank methods by their values, one per dataset in the same order, the higher the better."""
    from scipy.stats import friedmanchisquare, rankdata

    by_dataset = list(zip(*values.values(), strict=True))
    ranks = [rankdata([-value for value in column]) for column in by_dataset]
    means = [float(sum(column)) / len(ranks) for column in zip(*ranks, strict=True)]
    ranked = dict(zip(values, means, strict=True))
    if len(values) < 3 or len(by_dataset) < 2:
        return Ranking(ranked, len(by_dataset), None, None)
    alike = all(len(set(column)) == 1 for column in by_dataset)  # scipy would divide by zero
    probability = 1.0 if alike else float(friedmanchisquare(*values.values()).pvalue)
    difference = nemenyi_difference(len(values), len(by_dataset), level)
    return Ranking(ranked, len(by_dataset), probability, difference)


def nemenyi_difference(methods: int, datasets: int, level: float = SIGNIFICANCE) -> float:
    """Return by how much two average ranks must differ: q sqrt(k (k + 1) / (6 N)) for k methods, N datasets.

    q is the quantile of the studentized range with infinitely many degrees of freedom, over sqrt(2).
    """
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - level, methods, math.inf)) / math.sqrt(2)
    return q * math.sqrt(methods * (methods + 1) / (6 * datasets))
