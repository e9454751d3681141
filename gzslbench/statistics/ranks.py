"""Methods ranked over several datasets (Demsar, JMLR 2006)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gzslbench.statistics.paired import LEVEL


@dataclass(frozen=True)
class Ranking:
    """Average ranks of methods over datasets.

    Attributes:
        ranks: By method, from 1 for the best; equals share the mean of their ranks.
        datasets: Over how many.
        probability: Of Friedman's test that all methods are alike; None where it cannot be had, which needs
            three methods and two datasets.
        critical_difference: Ranks that differ by less do not differ significantly (Nemenyi 1963); None
            where ``probability`` is.
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


def rank(values: Mapping[str, Sequence[float]], level: float = LEVEL) -> Ranking:
    """Rank methods by ``values``, the higher the better.

    Args:
        values: By method, one a dataset, in the same order for all; at least one method and one dataset.
        level: Of the critical difference.
    """
    from scipy.stats import friedmanchisquare, rankdata

    table = np.array(list(values.values()), dtype=np.float64)
    by_dataset = rankdata(-table, axis=0)
    ranks = dict(zip(values, by_dataset.mean(axis=1).tolist(), strict=True))
    methods, datasets = table.shape
    if methods < 3 or datasets < 2:
        return Ranking(ranks, datasets, None, None)
    alike = bool((by_dataset == by_dataset[0]).all())
    probability = 1.0 if alike else float(friedmanchisquare(*table).pvalue)
    return Ranking(ranks, datasets, probability, nemenyi_difference(methods, datasets, level))


def nemenyi_difference(methods: int, datasets: int, level: float = LEVEL) -> float:
    """By how much two average ranks must differ: q sqrt(k (k + 1) / (6 N)), q of the studentized range."""
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - level, methods, math.inf)) / math.sqrt(2)
    return q * math.sqrt(methods * (methods + 1) / (6 * datasets))
