"""Published numbers next to ours: as rows of a leaderboard, and compared one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from gzslbench.report.leaderboard.board import Board, Row, Score
from gzslbench.report.published import METRICS, PublishedNumber

DEFAULT_TOLERANCE = 2.0
"""Points between a published number and ours that count as agreement, unless the user chooses another."""
_PEEK = "test-peek"


@dataclass(frozen=True)
class PublishedRow:
    """A row of published numbers below a leaderboard.

    Attributes:
        label: Whose numbers they are.
        numbers: By dataset, in percent.
    """

    label: str
    numbers: Mapping[str, float]


def published_rows(board: Board, numbers: Iterable[PublishedNumber]) -> list[PublishedRow]:
    """Return the published numbers of the table's methods, and ours chosen the same way as most of them."""
    if board.metric not in METRICS:
        return []
    usable = [number for number in numbers if why_not_comparable(number, board) is None]
    methods = {score.method for row in board.rows for score in row.scores.values()}
    rows = []
    for method in sorted(methods):
        published = _by_label([number for number in usable if number.method == method], board.metric)
        rows += [PublishedRow(label, values) for label, values in published.items()]
        if published and (peeked := _chosen_on_test(board, method)):
            rows.append(PublishedRow(f"{method}, best epoch on test", peeked))
    return rows


def why_not_comparable(number: PublishedNumber, board: Board) -> str | None:
    """Return why the number may not be in the table; None where it may."""
    if number.dataset not in board.tasks:
        return "another dataset"
    for name in ("features", "semantics", "setting"):
        published, ours = getattr(number, name), getattr(board.group, name)
        if published not in (ours, "unknown"):
            return f"{name} {published}, not {ours}"
    return "features fine-tuned" if number.finetuned else None


@dataclass(frozen=True)
class Comparison:
    """One of our numbers next to a published one.

    Attributes:
        method: The method's name.
        row: Label of its row in the leaderboard.
        dataset: The dataset.
        now: Our score.
        stored: Our number as it was stored, over the runs that ``now`` shares with it; None if none was.
        published: What one source prints; None if no source does.
        value: Its value in percent.
        why_not: Why the two are not compared; None where they are.
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
        """Ours minus the published number, in points; None where the two are not compared."""
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
    """Compare every score of ``boards`` with each number published of its method on its dataset.

    Args:
        boards: All of one rule and one metric.
        numbers: Published numbers of any method and dataset.
        stored: By run id, the same metric by the same rule as it was stored.
        tolerance: Points that count as agreement.
    """
    return [
        Comparison(
            method=score.method,
            row=row.label,
            dataset=dataset,
            now=score,
            stored=_mean_stored(score, stored),
            published=number,
            value=None if number is None else getattr(number, board.metric),
            why_not=None if number is None else _why_not(number, board, row),
            tolerance=tolerance,
        )
        for board in boards
        for row in board.rows
        for dataset, score in row.scores.items()
        for number in _published(score.method, dataset, board.metric, numbers) or [None]
    ]


def _why_not(number: PublishedNumber, board: Board, row: Row) -> str | None:
    if reason := why_not_comparable(number, board):
        return reason
    if "unknown" in (number.features, number.semantics):
        return "its features or semantics are not known"
    return f"ours has other parameters: {row.changes}" if row.changes else None


def _published(
    method: str, dataset: str, metric: str, numbers: Sequence[PublishedNumber]
) -> list[PublishedNumber | None]:
    if metric not in METRICS:
        return []
    return [
        number
        for number in numbers
        if (number.method, number.dataset) == (method, dataset) and getattr(number, metric) is not None
    ]


def _mean_stored(score: Score, stored: Mapping[str, float]) -> float | None:
    found = [stored[entry.summary.id] for entry in score.entries if entry.summary.id in stored]
    return sum(found) / len(found) if found else None


def _by_label(numbers: Sequence[PublishedNumber], metric: str) -> dict[str, dict[str, float]]:
    rows: dict[str, dict[str, float]] = {}
    for number in numbers:
        value = getattr(number, metric)
        if value is not None:
            label = f"{number.title}, published" + (f" ({number.label})" if number.label else "")
            rows.setdefault(label, {}).setdefault(number.dataset, value)
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
