"""What stored predictions say about single classes: the base of intervals and tests over classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gzslbench.errors import GzslBenchError
from gzslbench.evaluation.calibration import calibrate
from gzslbench.evaluation.predictions import load_predictions
from gzslbench.evaluation.uncertainty import ClassShares, class_intervals, class_shares, join_seeds
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.record import CALIBRATED, Summary

if TYPE_CHECKING:
    from gzslbench.report.leaderboard.entry import Entry

Intervals = Mapping[str, tuple[float, float] | None]


def read_class_shares(run: Summary, folder: RunFolder, rule: str) -> ClassShares | None:
    """Return the shares behind the run's numbers by ``rule``; None without readable predictions by it.

    The predictions of a run with several final evaluations are those of the first.
    """
    if rule not in run.metrics or rule.removesuffix(CALIBRATED) != run.selection:
        return None
    try:
        predictions = load_predictions(folder.predictions_file)
    except GzslBenchError:
        return None
    return class_shares(calibrate(predictions, run.metrics[rule].gamma))


def read_intervals(run: Summary, folder: RunFolder) -> Intervals:
    """Return by metric the interval over classes of the numbers that the run reports; empty without any."""
    shares = read_class_shares(run, folder, run.reported)
    return {} if shares is None else class_intervals(shares)


class StoredClasses:
    """Reads class shares and computes intervals when a view needs them, and remembers both."""

    def __init__(self) -> None:
        self._shares: dict[tuple[str, ...], ClassShares | None] = {}
        self._intervals: dict[tuple[str, ...], Intervals] = {}

    def shares(self, seeds: Sequence[Entry], rule: str) -> ClassShares | None:
        """Return the shares of the seeds of one row; None if one of them has no predictions by ``rule``."""
        key = rule, *(entry.summary.id for entry in seeds)
        if key not in self._shares:
            found = [read_class_shares(one.summary, one.folder, rule) for one in seeds]
            known = [shares for shares in found if shares is not None]
            self._shares[key] = join_seeds(known) if len(known) == len(found) else None
        return self._shares[key]

    def intervals(self, seeds: Sequence[Entry], rule: str) -> Intervals:
        """Return by metric the interval over classes of the mean over the seeds; nothing without shares."""
        key = rule, *(entry.summary.id for entry in seeds)
        if key not in self._intervals:
            shares = self.shares(seeds, rule)
            self._intervals[key] = {} if shares is None else class_intervals(shares)
        return self._intervals[key]
