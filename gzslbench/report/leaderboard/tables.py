"""Leaderboards and comparisons as tables, JSON and CSV; stored runs as lines of text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from gzslbench.report.leaderboard.board import Board, Comparison, Row
from gzslbench.report.leaderboard.entry import INTERVAL, Entry, Score
from gzslbench.report.tables import ResultTable, TableCell
from gzslbench.runs.record import PERCENTAGES

COST_COLUMNS = ("minutes", "parameters", "peak MiB")
COMPARISON_COLUMNS = (
    "method", "dataset", "published", "stored", "ours", "n", "difference", "verdict", "source",
)  # fmt: skip
_MISSING = "–"
_PUBLISHED_NOTE = (
    "published numbers are as their sources print them, most of them best epochs on the test set of single"
    " seeds; below them are ours chosen the same way (test-peek); neither is ranked"
)
_RULES = {
    "last-calibrated": "the last epoch, calibrated by a gamma chosen on validation classes",
    "val-calibrated": "epoch and gamma chosen on validation classes",
    "last": "the last epoch",
    "val": "the epoch chosen on validation classes",
    "test-peek": "the best epoch ON TEST of model and head: comparable with published habits only",
    "test-peek-inner": "the best epoch ON TEST of the head: comparable with published habits only",
    "test-peek-outer": "the best epoch ON TEST of the model: comparable with published habits only",
    "test-peek-gamma": "the last epoch, gamma chosen ON TEST: comparable with published habits only",
}


def leaderboard_table(
    board: Board,
    published: Mapping[str, Mapping[str, float]] | None = None,
    *,
    intervals: bool = True,
    costs: bool = False,
) -> ResultTable:
    """Return a board as a table, with rows of ``published`` numbers below, which are not ranked or tested."""
    group = board.group
    title = (
        f"{board.metric} (%) by {board.rule}, {group.features}, semantics {group.semantics}, {group.setting}"
    )
    header = ["method", *board.labels.values()]
    header += ["rank"] if board.ranking is not None else []
    header += COST_COLUMNS if costs else ()
    rows = [_board_row(board, row, intervals, costs) for row in board.rows]
    for label, numbers in (published or {}).items():
        texts = [label, *(_one_decimal(numbers.get(name)) for name in board.tasks)]
        rows.append([TableCell(text) for text in texts + [""] * (len(header) - len(texts))])
    notes = list(_board_notes(board, intervals))
    return ResultTable(title, header, rows, [*notes, _PUBLISHED_NOTE] if published else notes)


def left_out_notes(left_out: Mapping[str, int]) -> list[str]:
    """Return a sentence for each reason why runs are in no table."""
    return [f"{count} run{'s' * (count > 1)} left out: {why}" for why, count in sorted(left_out.items())]


def leaderboard_json(boards: Sequence[Board], left_out: Mapping[str, int]) -> str:
    """Return everything the tables show, and the runs behind each number."""
    content = {"boards": [_board_as_dict(board) for board in boards], "left_out": dict(left_out)}
    return json.dumps(content, indent=1) + "\n"


def leaderboard_csv(boards: Sequence[Board]) -> str:
    """Return a line per score: what it may be compared with, and its numbers."""
    text = io.StringIO()
    lines = [line for board in boards for line in _csv_lines(board)]
    writer = csv.DictWriter(text, list(lines[0]) if lines else ["board"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _board_row(board: Board, row: Row, intervals: bool, costs: bool) -> list[TableCell]:
    cells = [TableCell(row.label)]
    for name in board.tasks:
        score = row.scores.get(name)
        if score is None:
            cells.append(TableCell(_MISSING))
        else:
            cells.append(TableCell(_format_score(score, intervals), score.best, score.tied))
    if board.ranking is not None:
        cells.append(TableCell(f"{board.ranking.ranks[row.label]:.2f}"))
    if costs:
        found = [score.costs for score in row.scores.values()]
        minutes = sum(part["seconds"] for part in found) / 60
        parameters = max(part["parameters"] or 0 for part in found)
        mebibytes = max(part["peak_memory_bytes"] for part in found) / 2**20
        cells += map(TableCell, (f"{minutes:.1f}", f"{parameters:,}", f"{mebibytes:,.0f}"))
    return cells


def _format_score(score: Score, intervals: bool) -> str:
    estimate = score.estimate
    spread = "" if estimate.std is None else f" ± {estimate.std:.1f}"
    interval = ""
    if intervals and estimate.interval is not None:
        low, high = estimate.interval
        interval = f" [{low:.1f}, {high:.1f}]"
    return f"{estimate.mean:.1f}{spread}{interval} (n={estimate.n})"


def _one_decimal(number: float | None) -> str:
    return _MISSING if number is None else f"{number:.1f}"


def _board_notes(board: Board, intervals: bool) -> Iterator[str]:
    if board.reason:
        yield f"this is a separate table because {board.reason}"
    if intervals:
        yield f"in brackets: {INTERVAL}"
    yield from board.training_notes
    yield f"selection: {_RULES[board.rule]}"
    yield (
        f"the best of each column is bold; a tie means that {board.test.description}, with Holm's correction,"
        f" finds no significant difference (5 %); {board.test.limits}"
    )
    for name, task in board.tasks.items():
        yield f"{board.labels[name]}: task {task}"
    ranking = board.ranking
    if ranking is not None and ranking.probability is not None:
        yield (
            f"mean ranks over {ranking.datasets} datasets; Friedman's test: p = {ranking.probability:.2g};"
            f" ranks less than {ranking.critical_difference:.2f} apart do not differ significantly"
            " (Nemenyi, 5 %)"
        )
    for row in board.rows:
        if row.changes:
            yield f"{row.label}: {row.changes}"


def _about(board: Board) -> dict[str, Any]:
    """Return what the numbers of a board have in common."""
    group = board.group
    return {
        "rule": board.rule,
        "metric": board.metric,
        "features": group.features,
        "semantics": group.semantics,
        "setting": group.setting,
        "protocol": -group.protocol,
        "interval": INTERVAL,
        "test": board.test.description,
        "variant": group.variant or None,
        "pretraining": group.pretraining,
        "mark": group.mark or None,
    }


def _board_as_dict(board: Board) -> dict[str, Any]:
    return {
        **_about(board),
        "reason": board.reason,
        "tasks": dict(board.tasks),
        "rows": [
            {
                "method": row.label,
                "changes": row.changes,
                "rank": board.ranking and board.ranking.ranks[row.label],
                "scores": {name: _score_as_dict(score) for name, score in row.scores.items()},
            }
            for row in board.rows
        ],
    }


def _score_as_dict(score: Score) -> dict[str, Any]:
    return {
        **asdict(score.estimate),
        "best": score.best,
        "probability": score.probability,
        "by_seed": {str(seed): value for seed, value in score.values.items()},
        "runs": [entry.summary.id for entry in score.entries],
        **score.costs,
    }


def _csv_lines(board: Board) -> Iterator[dict[str, Any]]:
    for row in board.rows:
        for dataset, score in row.scores.items():
            mean, std, n = score.estimate.mean, score.estimate.std, score.estimate.n
            low, high = score.estimate.interval or (None, None)
            yield {
                "method": row.label, "changes": row.changes, "dataset": dataset,
                "task": board.tasks[dataset], **_about(board), "mean": mean, "std": std, "low": low,
                "high": high, "n": n, "best": score.best, "probability": score.probability,
                "rank": board.ranking and board.ranking.ranks[row.label], **score.costs,
                "runs": " ".join(entry.summary.id for entry in score.entries),
            }  # fmt: skip


def comparison_table(comparisons: Sequence[Comparison], rule: str, metric: str) -> ResultTable:
    """Return a row per published number."""
    title = f"{metric} (%): published, ours when stored, ours now by {rule}"
    text = [COMPARISON_COLUMNS.index(name) for name in ("method", "dataset", "verdict", "source")]
    notes = []
    if comparisons:
        limit = comparisons[0].tolerance
        notes.append(f"a difference of {limit:g} points or less counts as agreement (--tolerance)")
    if rule in ("last", "val"):
        notes.append(
            "most published numbers are the best epoch on the test set, which favours them; use"
            " --select test-peek to choose ours the same way"
        )
    return ResultTable(title, COMPARISON_COLUMNS, list(map(_comparison_row, comparisons)), notes, text)


def _comparison_row(comparison: Comparison) -> list[TableCell]:
    estimate, number = comparison.now.estimate, comparison.published
    spread = "" if estimate.std is None else f" ± {estimate.std:.1f}"
    source = []
    if number is not None:
        source = [number.source, f"verified: {number.verified}", number.habits, number.label]
    values = (_one_decimal(comparison.value), _one_decimal(comparison.stored))
    ours = (f"{estimate.mean:.1f}{spread}", str(estimate.n))
    difference = _MISSING if comparison.difference is None else f"{comparison.difference:+.1f}"
    verdict = TableCell(comparison.verdict, best=comparison.verdict == "agrees")
    dataset = comparison.now.entries[0].dataset_label
    cells = map(TableCell, (comparison.row, dataset, *values, *ours, difference))
    return [*cells, verdict, TableCell("; ".join(filter(None, [*source, comparison.why_not])))]


def comparison_json(comparisons: Sequence[Comparison]) -> str:
    """Return everything, with sources and runs."""
    content = [
        {
            **{name: getattr(item, name) for name in ("row", "dataset", "stored", "difference", "verdict")},
            "mark": item.now.entries[0].mark or None,
            **{
                name: getattr(item.published, name, None)
                for name in ("source", "verified", "selection", "calibration", "label")
            },
            **{name: getattr(item.now.estimate, name) for name in ("std", "n")},
            "method": item.now.method,
            "published": item.value,
            "ours": item.now.estimate.mean,
            "why_not": item.why_not,
            "runs": [entry.summary.id for entry in item.now.entries],
        }
        for item in comparisons
    ]
    return json.dumps(content, indent=1) + "\n"


def run_lines(entries: Sequence[Entry]) -> Iterator[str]:
    """Return a line per run; it is plain text, because there may be tens of thousands."""
    width = max((len(entry.summary.id) for entry in entries), default=0)
    numbers = "".join(f"{name:>7}" for name in PERCENTAGES)
    yield f"{'run':<{width}}{numbers}  {'by':<16}{'minutes':>8}  not as in the preset"
    for entry in entries:
        summary = entry.summary
        scores = dict.fromkeys(PERCENTAGES) if summary.headline is None else summary.headline.percentages()
        numbers = "".join("      –" if score is None else f"{score:7.1f}" for score in scores.values())
        rule = summary.reported if summary.status == "complete" else summary.status
        changes = " ".join(f"{name}={value}" for name, value in entry.changes.items())
        if entry.mark:
            changes = f"({entry.mark}) {changes}"
        line = f"{summary.id:<{width}}{numbers}  {rule:<16}{summary.run.seconds / 60:8.1f}  {changes}"
        yield line.rstrip()
