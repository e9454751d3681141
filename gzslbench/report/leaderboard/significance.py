"""How likely a difference between rows of a leaderboard is chance: in a column, and over datasets."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Protocol

from gzslbench.errors import GzslBenchError

if TYPE_CHECKING:
    from gzslbench.report.leaderboard.entry import Entry, Score
    from gzslbench.runs.folder import RunFolder

SIGNIFICANCE = 0.05
"""A difference with a probability below this counts as significant."""
DECIMALS = 9
"""Differences are rounded to so many decimals before they are ranked."""
MIN_SEEDS = 3
"""Common seeds that a test needs: with two, Student's test cannot even tell 20 from 60 percent."""
MIN_CLASSES = 6
"""Classes that a test needs: with five, the clearest difference still has a probability of 6 %."""


class Test(Protocol):
    """Computes how likely a difference between two scores is chance.

    ``description`` and ``limits``, what the test does not say, are printed below the table. A call returns
    the two-sided probability; None where the test says nothing, 1 where ``other`` is ahead.
    """

    description: str
    limits: str

    def __call__(self, best: Score, other: Score) -> float | None: ...  # noqa: D102


class OverSeeds:
    """Student's paired test over the seeds that both rows have, at least MIN_SEEDS."""

    description = "Student's paired test over common seeds"
    limits = "a row with fewer than three common seeds is not tested"

    def __call__(self, best: Score, other: Score) -> float | None:  # noqa: D102
        seeds = sorted(best.values.keys() & other.values.keys())
        if len(seeds) < MIN_SEEDS:
            return None
        one, two = ([score.values[seed] for seed in seeds] for score in (best, other))
        return 1.0 if sum(two) > sum(one) else t_test(one, two)


class OverClasses:
    """Wilcoxon's signed-rank test over the accuracies of the test classes, each a mean over a row's seeds.

    It works with single seeds too, but then it is about these trainings only: another seed may reverse it.
    U is tested over the unseen classes, S over the seen ones, and T1 over the unseen ones as the only
    candidates. H and AUSUC are not means over classes, so there is no such test of them.
    """

    METRICS = ("U", "S", "T1")

    description = "Wilcoxon's signed-rank test over the accuracies of the test classes"
    limits = (
        "it is about these trainings, not about other seeds; rows without predictions by this rule, and"
        " fewer than six classes, are not tested"
    )

    def __init__(self, folders: Mapping[str, RunFolder]) -> None:
        """Take the runs' folders by id."""
        self.folders = folders
        self._by_run: dict[tuple[str, str, str], list[float] | None] = {}

    def __call__(self, best: Score, other: Score) -> float | None:
        """Return None for another metric, without predictions by the rule, or below MIN_CLASSES classes."""
        if best.metric not in self.METRICS:
            return None
        one, two = self._mean_accuracies(best), self._mean_accuracies(other)
        if one is None or two is None or len(one) != len(two) or len(one) < MIN_CLASSES:
            return None
        return 1.0 if sum(two) > sum(one) else wilcoxon_test(one, two)

    def _mean_accuracies(self, score: Score) -> list[float] | None:
        found = []
        for entry in score.entries:
            key = (entry.summary.id, score.rule, score.metric)
            if key not in self._by_run:
                self._by_run[key] = self._accuracies(entry, score.rule, score.metric)
            found.append(self._by_run[key])
        known = [accuracies for accuracies in found if accuracies is not None]
        if len(known) < len(found):
            return None
        return [fmean(of_class) for of_class in zip(*known, strict=True)]

    def _accuracies(self, entry: Entry, rule: str, metric: str) -> list[float] | None:
        """Return the accuracies of the test classes that the metric is about, in percent, in their order."""
        import numpy as np

        from gzslbench.evaluation.predictions import load_predictions

        if entry.summary.selection != rule:
            return None
        try:
            predictions = load_predictions(self.folders[entry.summary.id].predictions_file)
        except GzslBenchError:
            return None
        labels, predicted, seen = predictions.labels, predictions.predicted, predictions.seen
        if metric == "T1":
            labels, predicted = labels[~seen[labels]], predictions.zsl
        rows = np.bincount(labels, minlength=len(seen))
        hits = np.bincount(labels[predicted == labels], minlength=len(seen))
        counted = (seen if metric == "S" else ~seen) & (rows > 0)
        return list(map(float, 100.0 * hits[counted] / rows[counted]))


def t_test(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the two-sided probability of Student's paired test, for two pairs or more."""
    differences = {first - second for first, second in zip(one, other, strict=True)}
    if len(differences) == 1:
        return 1.0 if differences == {0.0} else 0.0
    from scipy.stats import ttest_rel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # scipy warns of nearly equal differences
        return float(ttest_rel(one, other).pvalue)


def wilcoxon_test(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the two-sided probability of Wilcoxon's signed-rank test, for many pairs such as classes.

    Differences are rounded, so that rounding errors do not decide their ranks. Without any it is 1.
    """
    differences = [round(first - second, DECIMALS) for first, second in zip(one, other, strict=True)]
    if not any(differences):
        return 1.0
    from scipy.stats import wilcoxon

    return float(wilcoxon(differences).pvalue)


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
