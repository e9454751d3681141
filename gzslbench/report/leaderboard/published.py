"""Published numbers beside a table, as far as they may stand there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from gzslbench.report.leaderboard.board import Board
from gzslbench.report.published import METRICS, PublishedNumber

PEEK = "test-peek"


@dataclass(frozen=True)
class PublishedRow:
    """Numbers by dataset, in percent, and whose they are."""

    label: str
    numbers: Mapping[str, float]


def published_rows(board: Board, numbers: Iterable[PublishedNumber]) -> list[PublishedRow]:
    """For each method of the table the published numbers, and ours as most of those were chosen."""
    if board.metric not in METRICS:
        return []
    usable = [each for each in numbers if objection(each, board) is None]
    rows = []
    for method in sorted(_methods(board)):
        theirs = _by_label([each for each in usable if each.method == method], board.metric)
        rows += [PublishedRow(label, values) for label, values in theirs.items()]
        if theirs and (peeked := _peeked(board, method)):
            rows.append(PublishedRow(f"{method}, best epoch on test", peeked))
    return rows


def objection(number: PublishedNumber, board: Board) -> str | None:
    """Why the number may not stand beside the table's; None where it may."""
    kind = board.kind
    if number.dataset not in board.tasks:
        return "another dataset"
    for name in ("features", "semantics", "setting"):
        theirs, ours = getattr(number, name), getattr(kind, name)
        if theirs not in (ours, "unknown"):
            return f"{name} {theirs}, not {ours}"
    return "features fine-tuned" if number.finetuned else None


def _methods(board: Board) -> set[str]:
    scores = (each for row in board.rows for each in row.scores.values())
    return {str(entry.summary.cell["method"]) for each in scores for entry in each.entries}


def _by_label(numbers: Sequence[PublishedNumber], metric: str) -> dict[str, dict[str, float]]:
    rows: dict[str, dict[str, float]] = {}
    for each in numbers:
        value = getattr(each, metric)
        if value is not None:
            label = f"{each.title}, published" + (f" ({each.label})" if each.label else "")
            rows.setdefault(label, {}).setdefault(each.dataset, value)
    return rows


def _peeked(board: Board, method: str) -> dict[str, float]:
    """Mean over the seeds of ours, chosen on the test set; of the first row of the method that has it."""
    found: dict[str, float] = {}
    for row in board.rows:
        for dataset, each in row.scores.items():
            metrics = [
                entry.summary.metrics for entry in each.entries if entry.summary.cell["method"] == method
            ]
            if metrics and dataset not in found and all(PEEK in each for each in metrics):
                found[dataset] = fmean(each[PEEK][board.metric] for each in metrics)
    return found
