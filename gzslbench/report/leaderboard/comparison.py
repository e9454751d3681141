"""Published numbers, ours when they were stored, and ours now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gzslbench.report.leaderboard.board import Board, Row
from gzslbench.report.leaderboard.published import objection
from gzslbench.report.leaderboard.score import Score
from gzslbench.report.published import METRICS, PublishedNumber

TOLERANCE = 2.0
"""Points between a published number and ours that count as agreement, unless the user says otherwise."""


@dataclass(frozen=True)
class Comparison:
    """One number of ours beside one that was published.

    Attributes:
        method: The method's name.
        row: What its row of the leaderboard is called.
        dataset: The dataset.
        now: Ours.
        stored: Ours as it was stored, over the runs that ``now`` shares with it; None where none was.
        published: What one source prints; None where nobody published one.
        value: Its value in percent.
        why_not: Why no comparison is due; None where one is.
        tolerance: Points that count as agreement.
    """

    method: str
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
        """Ours minus the published number, in points; None where no comparison is due."""
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
    tolerance: float = TOLERANCE,
) -> list[Comparison]:
    """Every score of ``boards`` beside each number published of its method on its dataset.

    Args:
        boards: Of one rule and one metric.
        numbers: Published, of any method and dataset.
        stored: By run id, the same metric by the same rule as it was stored.
        tolerance: Points that count as agreement.
    """
    return [
        _comparison(board, row, dataset, number, stored, tolerance)
        for board in boards
        for row in board.rows
        for dataset in row.scores
        for number in _published(row.scores[dataset], dataset, board.metric, numbers) or [None]
    ]


def _comparison(
    board: Board,
    row: Row,
    dataset: str,
    number: PublishedNumber | None,
    stored: Mapping[str, float],
    tolerance: float,
) -> Comparison:
    now = row.scores[dataset]
    return Comparison(
        method=_method(now),
        row=row.label,
        dataset=dataset,
        now=now,
        stored=_stored(now, stored),
        published=number,
        value=None if number is None else getattr(number, board.metric),
        why_not=None if number is None else _why_not(number, board, row),
        tolerance=tolerance,
    )


def _why_not(number: PublishedNumber, board: Board, row: Row) -> str | None:
    """Why the number may not be compared with the row's."""
    if found := objection(number, board):
        return found
    if "unknown" in (number.features, number.semantics):
        return "its features or semantics are not known"
    return f"ours has other parameters: {row.changes}" if row.changes else None


def _published(
    now: Score, dataset: str, metric: str, numbers: Sequence[PublishedNumber]
) -> list[PublishedNumber | None]:
    if metric not in METRICS:
        return []
    method = _method(now)
    return [
        number
        for number in numbers
        if (number.method, number.dataset) == (method, dataset) and getattr(number, metric) is not None
    ]


def _method(score: Score) -> str:
    return str(score.entries[0].summary.cell["method"])


def _stored(now: Score, stored: Mapping[str, float]) -> float | None:
    kept = [stored[entry.summary.id] for entry in now.entries if entry.summary.id in stored]
    return sum(kept) / len(kept) if kept else None
