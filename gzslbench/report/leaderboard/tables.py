"""Leaderboards as sheets, and as data."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gzslbench.report.console.sheets.sheet import Cell, Sheet
from gzslbench.report.leaderboard.board import Board, Row
from gzslbench.report.leaderboard.published import PublishedRow
from gzslbench.report.leaderboard.score import Score
from gzslbench.report.statistics import Ranking

COSTS = ("minutes", "parameters", "peak MiB")
_DASH = "–"
_PUBLISHED = (
    "published numbers as their sources print them, most of them best epochs on the test set of single seeds;"
    " ours by the same habit (test-peek) beside them; neither is ranked",
)
_RULES = {
    "last": "the last epoch",
    "val": "the epoch chosen on validation classes",
    "test-peek": "the best epoch ON TEST of model and head: comparable with published habits alone",
    "test-peek-inner": "the best epoch ON TEST of the head: comparable with published habits alone",
    "test-peek-outer": "the best epoch ON TEST of the model: comparable with published habits alone",
}


def sheet_of(
    board: Board, published: Sequence[PublishedRow] = (), *, intervals: bool = True, costs: bool = False
) -> Sheet:
    """A board as a sheet.

    Args:
        board: The table.
        published: Rows of published numbers, below its own; they have no part in ranks and tests.
        intervals: Whether each mean has its confidence interval.
        costs: Whether columns tell time, parameters and memory.
    """
    kind, ranked = board.kind, board.ranking is not None
    title = f"{board.metric} (%) by {board.rule}, {kind.features}, semantics {kind.semantics}, {kind.setting}"
    header = ["method", *board.tasks, *(["rank"] if ranked else []), *(COSTS if costs else ())]
    rows = [_row(board, row, intervals, costs) for row in board.rows]
    for row in published:
        numbers = [row.numbers.get(name) for name in board.tasks]
        cells = [Cell(row.label), *(Cell(_DASH if each is None else f"{each:.1f}") for each in numbers)]
        rows.append(cells + [Cell("")] * (len(header) - len(cells)))
    return Sheet(title, header, rows, [*_notes(board, intervals), *(_PUBLISHED if published else ())])


def left_out_notes(left_out: Mapping[str, int]) -> list[str]:
    """What no table shows."""
    return [f"{count} run{'s' * (count > 1)} left out: {why}" for why, count in sorted(left_out.items())]


def as_json(boards: Sequence[Board], left_out: Mapping[str, int]) -> str:
    """Everything the tables show, and the runs behind each number."""
    content = {"boards": [_board_as_dict(board) for board in boards], "left_out": dict(left_out)}
    return json.dumps(content, indent=1) + "\n"


def as_csv(boards: Sequence[Board]) -> str:
    """A line a score: what it may be compared with, and its numbers."""
    text = io.StringIO()
    lines = [line for board in boards for line in _csv_lines(board)]
    writer = csv.DictWriter(text, list(lines[0]) if lines else ["board"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _row(board: Board, row: Row, intervals: bool, costs: bool) -> list[Cell]:
    cells = [Cell(row.label)]
    for name in board.tasks:
        found = row.scores.get(name)
        cells.append(
            Cell(_DASH) if found is None else Cell(_number(found, intervals), found.best, found.tied)
        )
    if board.ranking is not None:
        cells.append(Cell(f"{board.ranking.ranks[row.label]:.2f}"))
    return cells + (_costs(list(row.scores.values())) if costs else [])


def _number(found: Score, intervals: bool) -> str:
    estimate = found.estimate
    if estimate.std is None or estimate.interval is None:
        return f"{estimate.mean:.1f} (n=1)"
    low, high = estimate.interval
    interval = f" [{low:.1f}, {high:.1f}]" if intervals else ""
    return f"{estimate.mean:.1f} ± {estimate.std:.1f}{interval} (n={estimate.n})"


def _costs(scores: Sequence[Score]) -> list[Cell]:
    minutes = sum(each.seconds for each in scores) / 60
    parameters = max(each.parameters or 0 for each in scores)
    memory = max(each.peak_memory for each in scores) / 2**20
    return [Cell(f"{minutes:.1f}"), Cell(f"{parameters:,}"), Cell(f"{memory:,.0f}")]


def _notes(board: Board, intervals: bool) -> Iterator[str]:
    if board.reason:
        yield f"a table of its own: {board.reason}"
    if intervals:
        yield f"in brackets {board.interval.description}"
    yield f"each number by {_RULES[board.rule]}"
    yield (
        f"best of its column in bold; marked as tied where {board.test.words}, with Holm's correction,"
        f" finds no significant difference (5 %); {board.test.limits}"
    )
    for name, task in board.tasks.items():
        yield f"{name}: task {task}"
    if board.ranking is not None and board.ranking.probability is not None:
        yield _rank_note(board.ranking)
    for row in board.rows:
        if row.changes:
            yield f"{row.label}: {row.changes}"


def _rank_note(ranking: Ranking) -> str:
    return (
        f"mean ranks over {ranking.datasets} datasets; by Friedman's test p = {ranking.probability:.2g};"
        f" ranks less than {ranking.critical_difference:.2f} apart do not differ significantly (Nemenyi, 5 %)"
    )


def _board_as_dict(board: Board) -> dict[str, Any]:
    ranks: Mapping[str, float] = {} if board.ranking is None else board.ranking.ranks
    kind = board.kind
    return {
        "rule": board.rule,
        "metric": board.metric,
        "reason": board.reason,
        "features": kind.features,
        "semantics": kind.semantics,
        "setting": kind.setting,
        "variant": kind.variant or None,
        "protocol": -kind.protocol,
        "interval": board.interval.description,
        "test": board.test.words,
        "tasks": dict(board.tasks),
        "rows": [
            {
                "method": row.label,
                "changes": row.changes,
                "rank": ranks.get(row.label),
                "scores": {name: _score_as_dict(found) for name, found in row.scores.items()},
            }
            for row in board.rows
        ],
    }


def _score_as_dict(found: Score) -> dict[str, Any]:
    return {
        "mean": found.estimate.mean,
        "std": found.estimate.std,
        "interval": found.estimate.interval,
        "n": found.estimate.n,
        "best": found.best,
        "probability": found.probability,
        "by_seed": {str(seed): value for seed, value in found.values.items()},
        "runs": [entry.summary.id for entry in found.entries],
        "seconds": found.seconds,
        "parameters": found.parameters,
        "peak_memory_bytes": found.peak_memory,
    }


def _csv_lines(board: Board) -> Iterator[dict[str, Any]]:
    content = _board_as_dict(board)
    shared = {
        name: content[name]
        for name in (
            "rule",
            "metric",
            "features",
            "semantics",
            "setting",
            "protocol",
            "interval",
            "test",
        )
    }
    for row in content["rows"]:
        for dataset, found in row["scores"].items():
            low, high = found["interval"] or (None, None)
            yield {
                "method": row["method"], "changes": row["changes"], "dataset": dataset,
                "task": board.tasks[dataset], **shared, "variant": content["variant"], "mean": found["mean"],
                "std": found["std"], "low": low, "high": high, "n": found["n"], "best": found["best"],
                "probability": found["probability"], "rank": row["rank"], "seconds": found["seconds"],
                "parameters": found["parameters"], "peak_memory_bytes": found["peak_memory_bytes"],
                "runs": " ".join(found["runs"]),
            }  # fmt: skip
