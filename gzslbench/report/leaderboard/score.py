"""A row's numbers on one dataset, and how they stand beside the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from gzslbench.report.leaderboard.entry import Entry
from gzslbench.report.statistics import SIGNIFICANCE, STUDENT, Estimate, IntervalMethod, estimate, holm


@dataclass(frozen=True)
class Score:
    """One metric of one row on one dataset.

    Attributes:
        values: By seed, in percent.
        estimate: Mean, standard deviation, confidence interval and number of seeds.
        entries: The runs, by seed.
        best: Whether its mean is the highest of the column; of equals the first.
        probability: That a difference to the best as large as this is chance, by Holm's correction over the
            column; None for the best, and where the test cannot tell.
    """

    values: Mapping[int, float]
    estimate: Estimate
    entries: Sequence[Entry]
    best: bool = False
    probability: float | None = None

    @property
    def tied(self) -> bool:
        """Whether it is not significantly worse than the best, as far as can be told."""
        return self.probability is not None and self.probability >= SIGNIFICANCE

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


def score(entries: Sequence[Entry], rule: str, metric: str, interval: IntervalMethod = STUDENT) -> Score:
    """The score of one row's runs on one dataset, one a seed."""
    values = {entry.seed: float(entry.summary.metrics[rule][metric]) for entry in entries}
    return Score(values, estimate(list(values.values()), interval), entries)


def compared(column: Mapping[str, Score], test: Callable[[Score, Score], float | None]) -> dict[str, Score]:
    """The scores of a column, by row, with the best marked and the others tested against it.

    Args:
        column: Of one dataset, by row.
        test: The probability that a difference to the best is chance; None where it cannot tell.
    """
    if not column:
        return {}
    best = max(column, key=lambda row: column[row].estimate.mean)
    tested = {row: test(column[best], each) for row, each in column.items() if row != best}
    corrected = holm({row: found for row, found in tested.items() if found is not None})
    return {
        row: replace(each, best=row == best, probability=corrected.get(row)) for row, each in column.items()
    }
