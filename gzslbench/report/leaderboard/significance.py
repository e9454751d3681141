"""How likely a difference between two rows of a column is chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Protocol

from gzslbench.errors import GzslBenchError
from gzslbench.report.statistics import t_test, wilcoxon_test

if TYPE_CHECKING:
    from gzslbench.report.leaderboard.board import Score
    from gzslbench.report.leaderboard.entry import Entry
    from gzslbench.runs.store import RunFolder

MIN_SEEDS = 3
"""Common seeds that a test needs: with two, Student's test cannot even tell 20 from 60 percent."""
MIN_CLASSES = 6
"""Classes that a test needs: with five, the clearest difference still has a probability of 6 %."""


class Test(Protocol):
    """Computes how likely a difference between two scores is chance.

    ``description`` and ``limits``, what the test does not say, are printed below the table.
    """

    description: str
    limits: str

    def __call__(self, best: Score, other: Score) -> float | None:
        """Return the two-sided probability; None where it says nothing, 1 where ``other`` is ahead."""
        ...


class OverSeeds:
    """Student's paired test over the seeds that both rows have."""

    description = "Student's paired test over common seeds"
    limits = "a row with fewer than three common seeds is not tested"

    def __call__(self, best: Score, other: Score) -> float | None:
        """Return None with fewer than MIN_SEEDS common seeds."""
        seeds = sorted(best.values.keys() & other.values.keys())
        if len(seeds) < MIN_SEEDS:
            return None
        values = ([score.values[seed] for seed in seeds] for score in (best, other))
        return _unless_ahead(t_test, *values)


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

    def __init__(self, folders: Mapping[str, RunFolder], rule: str, metric: str) -> None:
        """Take the runs' folders by id, and which numbers the column shows."""
        self.folders = folders
        self.rule = rule
        self.metric = metric
        self._by_run: dict[str, Sequence[float] | None] = {}

    def __call__(self, best: Score, other: Score) -> float | None:
        """Return None without predictions by the rule, or with fewer than MIN_CLASSES classes."""
        one, two = self._mean_accuracies(best), self._mean_accuracies(other)
        if one is None or two is None or len(one) != len(two) or len(one) < MIN_CLASSES:
            return None
        return _unless_ahead(wilcoxon_test, one, two)

    def _mean_accuracies(self, score: Score) -> list[float] | None:
        found = []
        for entry in score.entries:
            run = entry.summary.id
            if run not in self._by_run:
                self._by_run[run] = self._accuracies(entry)
            accuracies = self._by_run[run]
            if accuracies is None:
                return None
            found.append(accuracies)
        return [fmean(of_class) for of_class in zip(*found, strict=True)]

    def _accuracies(self, entry: Entry) -> list[float] | None:
        """Return the accuracies of the test classes that the metric is about, in percent, in their order."""
        import numpy as np

        from gzslbench.evaluation.predictions import load_predictions

        if entry.summary.selection != self.rule:
            return None
        try:
            predictions = load_predictions(self.folders[entry.summary.id].predictions_file)
        except GzslBenchError:
            return None
        labels, predicted, seen = predictions.labels, predictions.predicted, predictions.seen
        if self.metric == "T1":
            labels, predicted = labels[~seen[labels]], predictions.zsl
        rows = np.bincount(labels, minlength=len(seen))
        hits = np.bincount(labels[predicted == labels], minlength=len(seen))
        counted = (seen if self.metric == "S" else ~seen) & (rows > 0)
        accuracies: list[float] = (100.0 * hits[counted] / rows[counted]).tolist()
        return accuracies


def _unless_ahead(
    test: Callable[[Sequence[float], Sequence[float]], float | None],
    best: Sequence[float],
    other: Sequence[float],
) -> float | None:
    """Test two rows, unless the one of the lower mean is ahead in what the two can be compared in.

    That happens where the best row has further seeds. The other row is then not worse.
    """
    return 1.0 if sum(other) > sum(best) else test(best, other)
