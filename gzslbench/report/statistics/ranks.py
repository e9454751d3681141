"""Methods ranked over several datasets (Demsar, JMLR 2006)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gzslbench.report.statistics.paired import LEVEL


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
    table = np.array(list(values.values()), dtype=np.float64)
    by_dataset = np.stack([_ranks(column) for column in -table.T], axis=1)
    ranks = dict(zip(values, by_dataset.mean(axis=1).tolist(), strict=True))
    methods, datasets = table.shape
    if methods < 3 or datasets < 2:
        return Ranking(ranks, datasets, None, None)
    return Ranking(ranks, datasets, _friedman(by_dataset), nemenyi_difference(methods, datasets, level))


def nemenyi_difference(methods: int, datasets: int, level: float = LEVEL) -> float:
    """By how much two average ranks must differ: q sqrt(k (k + 1) / (6 N)), q of the studentized range."""
    q = studentized_range(1 - level, methods) / math.sqrt(2)
    return q * math.sqrt(methods * (methods + 1) / (6 * datasets))


def studentized_range(probability: float, count: int) -> float:
    """The quantile of the range of ``count`` standard normal numbers, within 1e-6.

    That is the studentized range with infinitely many degrees of freedom. scipy.stats has it too, and takes
    half a second to import.
    """
    from scipy.special import ndtr

    z = np.linspace(-8, 8, 2001)
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])

    def up_to(width: float) -> float:
        """The probability of a range up to ``width``: the lowest at z, all others in [z, z + width]."""
        return float(count * density @ (ndtr(z + width) - ndtr(z)) ** (count - 1))

    low, high = 0.0, 16.0
    while high - low > 1e-7:
        middle = (low + high) / 2
        low, high = (middle, high) if up_to(middle) < probability else (low, middle)
    return high


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 1 for the lowest; equals share the mean of their ranks."""
    below = (values[None] < values[:, None]).sum(axis=1)
    equal = (values[None] == values[:, None]).sum(axis=1)
    shared: NDArray[np.float64] = below + (equal + 1) / 2
    return shared


def _friedman(ranks: NDArray[np.float64]) -> float:
    """The probability, by chi-squared and with ties corrected, of ``(methods, datasets)`` ranks by chance."""
    from scipy.special import chdtrc

    methods, datasets = ranks.shape
    spread = ((ranks - (methods + 1) / 2) ** 2).sum() / (datasets * (methods - 1))
    if spread == 0:
        return 1.0
    between = datasets * ((ranks.mean(axis=1) - (methods + 1) / 2) ** 2).sum()
    return float(chdtrc(methods - 1, between / spread))
