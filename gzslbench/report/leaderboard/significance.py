"""How likely a difference between two rows of a column is chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from gzslbench.errors import GzslBenchError
from gzslbench.report.leaderboard.entry import Entry
from gzslbench.report.leaderboard.score import Score
from gzslbench.report.statistics import t_test, wilcoxon_test

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gzslbench.runs.store import RunFolder

SEEDS = 3
"""Shared seeds that a test takes: with two, Student's finds even 20 and 60 percent alike."""

CLASSES = 6
"""Classes that a test takes: with five, the clearest difference has a probability of 6 %."""


class Test(Protocol):
    """Tells how likely a difference is chance.

    Attributes:
        words: What it is, to go on "where ..." with.
        limits: What it does not tell.
    """

    words: str
    limits: str

    def __call__(self, best: Score, other: Score) -> float | None:
        """The two-sided probability; None where it cannot tell, 1 where ``other`` is ahead after all."""
        ...


class OverSeeds:
    """Student's paired test over the seeds that both rows have."""

    words = "Student's paired test over shared seeds"
    limits = "a row without three shared seeds is not tested"

    def __call__(self, best: Score, other: Score) -> float | None:
        """None where the shared seeds are fewer than SEEDS."""
        seeds = sorted(best.values.keys() & other.values.keys())
        if len(seeds) < SEEDS:
            return None
        return _unless_ahead(
            t_test, [best.values[seed] for seed in seeds], [other.values[seed] for seed in seeds]
        )


class OverClasses:
    """Wilcoxon's signed ranks over the accuracies of the test classes, each a mean over a row's seeds.

    It tells of single seeds too, but of these trainings alone: another seed may turn it round. U is tested
    over the unseen classes, S over the seen ones, and T1 over the unseen ones with no other candidates. H and
    AUSUC are no means over classes, and have no such test.
    """

    METRICS = ("U", "S", "T1")

    words = "Wilcoxon's signed ranks over the accuracies of the test classes"
    limits = (
        "of these trainings, not of other seeds; rows without predictions by this rule, and fewer than six"
        " classes, are not tested"
    )

    def __init__(self, folders: Mapping[str, RunFolder], rule: str, metric: str) -> None:
        """Take the runs' folders by id, and what the column shows."""
        self.folders = folders
        self.rule = rule
        self.metric = metric
        self._known: dict[str, NDArray[np.float64] | None] = {}

    def __call__(self, best: Score, other: Score) -> float | None:
        """None without predictions of the rule, or with fewer than CLASSES classes."""
        one, two = self._of_row(best), self._of_row(other)
        if one is None or two is None or one.shape != two.shape or len(one) < CLASSES:
            return None
        return _unless_ahead(wilcoxon_test, one.tolist(), two.tolist())

    def _of_row(self, score: Score) -> NDArray[np.float64] | None:
        import numpy as np

        found = [self._of_run(entry) for entry in score.entries]
        known = [each for each in found if each is not None]
        if len(known) < len(found):
            return None
        return np.asarray(np.mean(known, axis=0), dtype=np.float64)

    def _of_run(self, entry: Entry) -> NDArray[np.float64] | None:
        run = entry.summary.id
        if run not in self._known:
            self._known[run] = self._accuracies(entry)
        return self._known[run]

    def _accuracies(self, entry: Entry) -> NDArray[np.float64] | None:
        """Of the test classes that the metric is about, in percent and in their order."""
        import numpy as np

        from gzslbench.evaluation.predictions import load_predictions

        if entry.summary.selection != self.rule:
            return None
        try:
            predictions = load_predictions(self.folders[entry.summary.id].predictions_file)
        except GzslBenchError:
            return None
        labels, right = predictions.labels, predictions.predicted == predictions.labels
        if self.metric == "T1":
            labels = labels[len(labels) - len(predictions.zsl) :]
            right = predictions.zsl == labels
        rows = np.bincount(labels, minlength=len(predictions.seen))
        asked = (predictions.seen if self.metric == "S" else ~predictions.seen) & (rows > 0)
        hits = np.bincount(labels[right], minlength=len(predictions.seen))
        return 100.0 * hits[asked] / rows[asked]


def _unless_ahead(
    test: Callable[[Sequence[float], Sequence[float]], float | None],
    best: Sequence[float],
    other: Sequence[float],
) -> float | None:
    """A row of a lower mean may be ahead in all that the two can be compared in: then it is not worse."""
    return 1.0 if sum(other) > sum(best) else test(best, other)
