"""A row's numbers on one dataset, and how they stand beside the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from gzslbench.leaderboard.entry import Entry
from gzslbench.statistics.interval import Estimate, estimate
from gzslbench.statistics.paired import LEVEL, holm, t_test

SEEDS = 3
"""Shared seeds that a test takes: with two, Student's finds even 20 and 60 percent alike."""


@dataclass(frozen=True)
class Score:
    """One metric of one row on one dataset.

    Attributes:
        values: By seed, in percent.
        estimate: Mean, standard deviation, confidence interval and number of seeds.
        entries: The runs, by seed.
        best: Whether no other mean of the column is higher.
        probability: That a difference to the best as large as this is chance: Student's paired test over the
            seeds that both have, by Holm's correction over the column; None for the best, and where fewer
            than SEEDS are shared.
    """

    values: Mapping[int, float]
    estimate: Estimate
    entries: Sequence[Entry]
    best: bool = False
    probability: float | None = None

    @property
    def tied(self) -> bool:
        """Whether it is not significantly worse than the best, as far as can be told."""
        return self.probability is not None and self.probability >= LEVEL

    @property
    def seconds(self) -> float:
        """Mean time to train and evaluate."""
        spent = (entry.summary.run for entry in self.entries)
        return fmean((run["seconds_train"] or 0) + (run["seconds_evaluate"] or 0) for run in spent)

    @property
    def parameters(self) -> int | None:
        """Trained numbers."""
        return self.entries[0].summary.parameters

    @property
    def peak_memory(self) -> int:
        """The most bytes of any of the runs."""
        return max(entry.summary.run["peak_memory_bytes"] or 0 for entry in self.entries)


def score(entries: Sequence[Entry], rule: str, metric: str) -> Score:
    """The score of one row's runs on one dataset, one a seed."""
    values = {entry.seed: float(entry.summary.metrics[rule][metric]) for entry in entries}
    return Score(values, estimate(list(values.values())), entries)


def compared(column: Mapping[str, Score]) -> dict[str, Score]:
    """The scores of a column, by row, with the best marked and the others tested against it."""
    if not column:
        return {}
    best = max(column, key=lambda row: column[row].estimate.mean)
    tested = {row: _probability(column[best], each) for row, each in column.items() if row != best}
    corrected = holm({row: found for row, found in tested.items() if found is not None})
    return {
        row: replace(each, best=row == best, probability=corrected.get(row)) for row, each in column.items()
    }


def _probability(best: Score, other: Score) -> float | None:
    seeds = sorted(best.values.keys() & other.values.keys())
    if len(seeds) < SEEDS:
        return None
    return t_test([best.values[seed] for seed in seeds], [other.values[seed] for seed in seeds])
