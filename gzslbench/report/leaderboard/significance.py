"""How likely a difference between rows of a leaderboard is chance: in a column, and over datasets."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import stdev
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from gzslbench.evaluation.uncertainty import compare_over_classes

if TYPE_CHECKING:
    from gzslbench.report.leaderboard.entry import Score
    from gzslbench.report.leaderboard.stored_classes import StoredClasses

Key = TypeVar("Key")
SIGNIFICANCE = 0.05
"""A difference with a probability below this counts as significant."""
POWER = 0.8
"""A difference is detectable if the test finds it with this probability."""
MIN_SEEDS = 3
"""Common seeds that a test needs: with two, Student's test cannot even tell 20 from 60 percent."""


class Outcome(NamedTuple):
    """What a test finds.

    Attributes:
        probability: Two-sided, that chance gives such a difference; 1 where the row that is not the best is
            ahead in what is tested.
        error: Standard error of the difference, in points.
        degrees: Degrees of freedom of Student's distribution of the difference over its error.
    """

    probability: float
    error: float
    degrees: float

    def detectable(self, level: float) -> float:
        """Return the smallest true difference, in points, that the test finds with the probability POWER."""
        from scipy.special import nctdtrinc, stdtrit

        return self.error * float(nctdtrinc(self.degrees, 1 - POWER, stdtrit(self.degrees, 1 - level / 2)))


def holm(probabilities: Mapping[Key, float]) -> dict[Key, float]:
    """Correct probabilities for being several (Holm 1979, step down)."""
    names = sorted(probabilities, key=lambda name: probabilities[name])
    steps = (min(1.0, (len(names) - at) * probabilities[name]) for at, name in enumerate(names))
    return dict(zip(names, accumulate(steps, max), strict=True))


class Test(Protocol):
    """Computes how likely a difference between two scores is chance.

    ``description`` and ``limits``, what the test does not say, are printed below the table. A call returns
    None where the test says nothing.
    """

    description: str
    limits: str

    def __call__(self, best: Score, other: Score) -> Outcome | None: ...  # noqa: D102


class OverSeeds:
    """Student's paired test over the seeds that both rows have, at least MIN_SEEDS."""

    description = "Student's paired test over common seeds"
    limits = "a row with fewer than three common seeds is not tested"

    def __call__(self, best: Score, other: Score) -> Outcome | None:  # noqa: D102
        seeds = sorted(best.values.keys() & other.values.keys())
        if len(seeds) < MIN_SEEDS:
            return None
        one, two = ([score.values[seed] for seed in seeds] for score in (best, other))
        error = stdev(first - second for first, second in zip(one, two, strict=True)) / len(seeds) ** 0.5
        return Outcome(1.0 if sum(two) > sum(one) else t_test(one, two), error, len(seeds) - 1)


class OverClasses:
    """The paired bootstrap over the test classes, of the means over a row's seeds.

    It works with single seeds too, but then it is about these trainings only: another seed may reverse it.
    """

    description = "the paired bootstrap over test classes"
    limits = (
        "it is about these trainings, not about other seeds; rows without predictions by this rule, and"
        " fewer than six classes, are not tested"
    )

    def __init__(self, classes: StoredClasses) -> None:
        """Take what reads the runs' predictions."""
        self.classes = classes

    def __call__(self, best: Score, other: Score) -> Outcome | None:
        """Return None without predictions by the rule, or with too few classes."""
        one, two = (self.classes.shares(score.entries, score.rule) for score in (best, other))
        if one is None or two is None or one.area.shape != two.area.shape:
            return None
        found = compare_over_classes(one, two, best.metric)
        if found is None:
            return None
        return Outcome(1.0 if found.value < 0 else found.probability, 100 * found.error, found.degrees)


def t_test(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the two-sided probability of Student's paired test, for two pairs or more."""
    differences = {first - second for first, second in zip(one, other, strict=True)}
    if len(differences) == 1:
        return 1.0 if differences == {0.0} else 0.0
    from scipy.stats import ttest_rel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # scipy warns of nearly equal differences
        return float(ttest_rel(one, other).pvalue)


@dataclass(frozen=True)
class Ranking:
    """Average ranks of methods over a number of datasets (Demsar, JMLR 2006).

    Attributes:
        ranks: By method, from 1 for the best; equal methods share the mean of their ranks.
        probability: By Friedman's test, that all methods are alike; None with fewer than three methods or two
            datasets.
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
