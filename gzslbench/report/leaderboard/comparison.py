"""Published numbers next to ours: as rows of a leaderboard, and compared one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from gzslbench.report.leaderboard.board import Board, Row
from gzslbench.report.leaderboard.entry import Score
from gzslbench.report.published import METRICS, PublishedNumber

DEFAULT_TOLERANCE = 2.0
"""Points between a published number and ours that count as agreement, unless the user chooses another."""
_PEEK = "test-peek"


def published_rows(board: Board, numbers: Iterable[PublishedNumber]) -> dict[str, Mapping[str, float]]:
    """Return, by label, published numbers of the table's methods, and ours chosen as most of them are."""
    if board.metric not in METRICS:
        return {}
    usable = [
        number
        for number in numbers
        if getattr(number, board.metric) is not None and why_not_comparable(number, board) is None
    ]
    rows: dict[str, Mapping[str, float]] = {}
    for method in sorted({score.method for row in board.rows for score in row.scores.values()}):
        published: dict[str, dict[str, float]] = defaultdict(dict)
        for number in usable:
            if number.method == method:
                label = f"{number.title}, published" + (f" ({number.label})" if number.label else "")
                published[label].setdefault(number.dataset, getattr(number, board.metric))
        rows |= published
        if published and (peeked := _chosen_on_test(board, method)):
            rows[f"{method}, best epoch on test"] = peeked
    return rows


def _chosen_on_test(board: Board, method: str) -> dict[str, float]:
    """Return our means over seeds chosen on the test set, of the method's first row that has them."""
    found: dict[str, float] = {}
    for row in board.rows:
        for dataset, score in row.scores.items():
            metrics = [entry.summary.metrics for entry in score.entries]
            if score.method == method and dataset not in found and all(_PEEK in rules for rules in metrics):
                found[dataset] = fmean(getattr(rules[_PEEK], board.metric) for rules in metrics)
    return found


def why_not_comparable(number: PublishedNumber, board: Board) -> str | None:
    """Return why the number may not be in the table; None if it may."""
    if number.dataset not in board.tasks:
        return "another dataset"
    for name in ("features", "semantics", "setting"):
        published, ours = getattr(number, name), getattr(board.group, name)
        if published not in (ours, "unknown"):
            return f"{name} {published}, not {ours}"
    return "features fine-tuned" if number.finetuned else None


@dataclass(frozen=True)
class Comparison:
    """One of our numbers, ``now``, next to a published one; ``row`` is its label in the leaderboard.

    Attributes:
        stored: Our number as it was stored, over the runs that ``now`` shares with it; None if none was.
        published: What one source prints; None if no source does. Its ``value`` is in percent.
        why_not: Why the two are not compared; None if they are.
        tolerance: Points that count as agreement.
    """

    row: str
    dataset: str
    now: Score
    stored: float | None
    published: PublishedNumber | None
    value: float | None
    why_not: str | None
    tolerance: float

    @property
    def difference(self) -> float | None:
        """Ours minus the published number, in points; None if the two are not compared."""
        if self.value is None or self.why_not is not None:
            return None
        return self.now.estimate.mean - self.value

    @property
    def verdict(self) -> str:
        """``agrees``, ``lower``, ``higher``, ``not comparable`` or ``not published``."""
        if self.published is None:
            return "not published"
        if self.difference is None:
            return "not comparable"
        if abs(self.difference) <= self.tolerance:
            return "agrees"
        return "lower" if self.difference < 0 else "higher"


def comparisons(
    boards: Iterable[Board],
    numbers: Sequence[PublishedNumber],
    stored: Mapping[str, float],
    tolerance: float = DEFAULT_TOLERANCE,
) -> list[Comparison]:
    """Compare every score of ``boards`` with each number published of its method on its dataset."""
    found = []
    for board in boards:
        printed = [number for number in numbers if getattr(number, board.metric, None) is not None]
        for row in board.rows:
            for dataset, score in row.scores.items():
                what = (score.method, dataset)
                runs = [stored[entry.summary.id] for entry in score.entries if entry.summary.id in stored]
                mean = fmean(runs) if runs else None
                theirs: list[PublishedNumber | None] = [n for n in printed if (n.method, n.dataset) == what]
                for number in theirs or [None]:
                    value = getattr(number, board.metric, None)
                    why = _why_not(number, board, row) if number is not None else None
                    found.append(Comparison(row.label, dataset, score, mean, number, value, why, tolerance))
    return found


def _why_not(number: PublishedNumber, board: Board, row: Row) -> str | None:
    if reason := why_not_comparable(number, board):
        return reason
    if "unknown" in (number.features, number.semantics):
        return "its features or semantics are not known"
    return f"ours has other parameters: {row.changes}" if row.changes else None
