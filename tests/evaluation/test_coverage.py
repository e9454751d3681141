"""How often the intervals over classes contain the metric of the population that the classes were drawn from.

The tests run it with a few repetitions. The table in docs/uncertainty.md is what
``python tests/evaluation/test_coverage.py 1000`` prints.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import product
from statistics import fmean

import numpy as np
import pytest
from scipy.special import ndtr

from gzslbench.evaluation.predictions import Predictions
from gzslbench.evaluation.uncertainty import class_intervals, class_shares, compare_over_classes

METRICS = ("U", "S", "H", "T1", "AUSUC")


@dataclass(frozen=True)
class Population:
    """Classes of which a class of each side is right, within its side, for a beta-distributed share of rows.

    The gap of a row is normal around that of its class, which is normal too. So every metric is known.

    Attributes:
        right: Mean share of rows that are right among the unseen classes, and among the seen ones.
        spread: Sum of the two parameters of the beta distribution: the lower, the more classes differ.
        gap: Mean gap of unseen and of seen classes, in standard deviations of the rows of a class.
        between: Standard deviation of the gaps of classes.
    """

    right: tuple[float, float]
    gap: tuple[float, float]
    spread: float = 2.0
    between: float = 0.8

    @property
    def truth(self):
        """The metrics in percent."""
        (unseen, seen), (low, high) = self.right, self.gap
        one = np.sqrt(1 + self.between**2)
        U, S = 100 * unseen * ndtr(-low / one), 100 * seen * ndtr(high / one)
        area = 100 * unseen * seen * ndtr((high - low) / (np.sqrt(2) * one))
        return {"U": U, "S": S, "H": 2 * U * S / (U + S), "T1": 100 * unseen, "AUSUC": area}

    def draw(self, unseen, seen, rows, random):
        """Predictions of as many classes; each has between half and one and a half times ``rows`` rows."""
        count = np.array([unseen, seen])
        side = np.repeat([0, 1], count)  # of each class: unseen, seen
        right = np.repeat(self.right, count)
        right = random.beta(right * self.spread, (1 - right) * self.spread)
        gap = np.repeat(self.gap, count) + self.between * random.standard_normal(len(side))
        labels = np.repeat(np.arange(len(side)), random.integers(rows // 2, rows + rows // 2 + 1, len(side)))
        labels = labels[np.argsort(side[labels] == 0, kind="stable")]  # the rows of seen classes are first
        wrong = np.where(
            side == 0, (np.arange(len(side)) + 1) % unseen, unseen + (np.arange(len(side)) + 1) % seen
        )
        guess = np.where(random.random(len(labels)) < right[labels], labels, wrong[labels])
        of_seen = side[labels] == 1
        return Predictions(
            labels=labels,
            best_seen=np.where(of_seen, guess, unseen),
            best_unseen=np.where(of_seen, 0, guess),
            gap=(gap[labels] + random.standard_normal(len(labels))).astype(np.float32),
            zsl=guess[~of_seen],
            seen=side == 1,
        )


POPULATIONS = {
    "biased to seen classes": Population((0.60, 0.85), (0.5, 1.8)),
    "balanced": Population((0.60, 0.75), (-0.3, 0.7)),
    "high": Population((0.90, 0.90), (-1.8, 2.2), spread=5.0, between=0.5),
    "nearly perfect": Population((0.90, 0.95), (-1.8, 2.2), spread=5.0, between=0.5),
    "low": Population((0.40, 0.45), (-0.6, 0.6)),
}
SIZES = ((10, 27), (10, 40), (20, 82), (50, 150))
ROWS = (12, 60)


def coverage(population, unseen, seen, rows, repetitions, intervals=class_intervals, seed=0):
    """The share of repetitions in which the interval contains the truth, by metric."""
    random, truth = np.random.default_rng(seed), population.truth
    found = dict.fromkeys(METRICS, 0)
    for _ in range(repetitions):
        ends = intervals(class_shares(population.draw(unseen, seen, rows, random)))
        for metric in METRICS:
            low, high = ends[metric] or (np.nan, np.nan)
            found[metric] += bool(low <= truth[metric] <= high)
    return {metric: count / repetitions for metric, count in found.items()}


@pytest.mark.parametrize("name", POPULATIONS)
def test_intervals_contain_the_truth_in_95_of_100_repetitions(name):
    """With ten classes, where it is hardest; docs/uncertainty.md has more repetitions and sizes."""
    shares = coverage(POPULATIONS[name], 10, 27, 12, 200, seed=5)
    assert 0.93 <= fmean(shares.values()) <= 0.97
    assert min(shares.values()) >= 0.91  # 2.6 standard errors of 200 repetitions


def test_the_simulation_finds_that_percentiles_are_too_narrow():
    def percentiles(shares):
        random, count = np.random.default_rng(0), shares.T1.shape[1]
        means = shares.T1[0][random.integers(count, size=(500, count))].mean(axis=1)
        return {**dict.fromkeys(METRICS), "T1": tuple(np.quantile(100 * means, [0.025, 0.975]))}

    assert coverage(POPULATIONS["balanced"], 10, 27, 12, 200, percentiles)["T1"] < 0.92


def test_chance_is_called_a_difference_in_5_of_100_repetitions():
    """Two methods that are equal over all classes are not equal over those that were drawn."""
    random, population, repetitions = np.random.default_rng(7), POPULATIONS["balanced"], 120
    found = dict.fromkeys(METRICS, 0)
    for _ in range(repetitions):
        one, other = (class_shares(population.draw(10, 27, 20, random)) for _ in range(2))
        for metric in METRICS:
            found[metric] += compare_over_classes(one, other, metric).probability < 0.05
    assert 0.03 <= fmean(found.values()) / repetitions <= 0.07


def table(repetitions):
    """The table of the documentation, line by line."""
    yield "| classes: unseen, seen | rows | accuracies | " + " | ".join(METRICS) + " |"
    yield "|---|---|---|" + "---|" * len(METRICS)
    for (unseen, seen), rows, (name, population) in product(SIZES, ROWS, POPULATIONS.items()):
        shares = coverage(population, unseen, seen, rows, repetitions)
        numbers = " | ".join(f"{100 * shares[metric]:.1f}" for metric in METRICS)
        yield f"| {unseen}, {seen} | {rows} | {name} | {numbers} |"


if __name__ == "__main__":
    for line in table(int(sys.argv[1])):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
