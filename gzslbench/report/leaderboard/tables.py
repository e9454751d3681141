"""Leaderboards and comparisons as tables, JSON and CSV; stored runs as lines of text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import product
from typing import Any
from urllib.parse import quote

from gzslbench.evaluation.selection import RULES
from gzslbench.plugins.method import MethodSpec
from gzslbench.report.leaderboard.board import Board, Comparison, Row
from gzslbench.report.leaderboard.entry import INTERVAL, Entry, Score
from gzslbench.report.leaderboard.references import ReferenceRow
from gzslbench.report.leaderboard.significance import POWER
from gzslbench.report.published import PublishedNumber
from gzslbench.report.tables import TIED, ColumnGroup, ResultTable, TableCell, render
from gzslbench.runs.record import PERCENTAGES

Papers = Mapping[str, MethodSpec | PublishedNumber]
"""By method, what is known of it: the spec, or a published number where it is not installed."""

CLASS_INTERVAL = "95 % interval of the mean over other test classes (bootstrap)"

COST_COLUMNS = ("minutes", "parameters", "peak MiB")
COMPARISON_COLUMNS = (
    "method", "dataset", "published", "stored", "ours", "n", "difference", "verdict", "notes",
)  # fmt: skip
_MISSING = "–"
_LISTS = ("interval", "class_interval", "by_seed", "runs")
_PUBLISHED_NOTE = (
    "published numbers are as their sources print them, most of them best epochs on the test set of single"
    " seeds; below them are ours chosen the same way (test-peek); neither is ranked"
)
_EXTERNAL_NOTE = (
    "external results are computed here from predictions of other programs; what their authors state is not"
    " checked, and they are not ranked"
)


def leaderboard_table(
    board: Board,
    published: Sequence[ReferenceRow] = (),
    *,
    intervals: str = "none",
    costs: bool = False,
    papers: Papers | None = None,
    cite: bool = False,
) -> ResultTable:
    """Return a board as a table, with rows of ``published`` numbers below, which are not ranked or tested.

    Every dataset has a column per metric; a table of one metric has room for seeds. ``intervals`` are over
    ``classes`` (if the scores have them), ``seeds``, ``both`` or ``none``. With ``papers``, by method, it is
    a table for a paper: titles for names, citations with ``cite``, and no ranks.
    """
    several = len(board.metrics) > 1
    columns = list(product(board.tasks, board.metrics))
    header = ["method", *(metric if several else board.labels[name] for name, metric in columns)]
    aside = ["seeds"] * several + ["rank"] * (board.ranking is not None) if papers is None else []
    rows = []
    for row in board.rows:
        cells = [_method_cell(row.label, row.method, papers, cite)]
        cells += [_score_cell(row.columns[metric].get(name), intervals, several) for name, metric in columns]
        rank = f"{board.ranking.ranks[row.label]:.2f}" if board.ranking is not None else ""
        counts = sorted({score.estimate.n for score in row.scores.values()})
        seeds = "–".join(map(str, counts[:1] + counts[1:][-1:]))
        cells += [TableCell(seeds if name == "seeds" else rank) for name in aside]
        rows.append([*cells, *(_costs(row) if costs else ())])
    header += [*aside, *(COST_COLUMNS if costs else ())]
    for other in published:
        label = _method_cell(other.title, other.method, papers, cite)
        label = replace(label, notes=["; ".join(other.sources)] if other.sources else [])
        numbers = (other.values.get(name, {}).get(metric) for name, metric in columns)
        cells = [label, *(TableCell(_one_decimal(number)) for number in numbers)]
        own = {"seeds": "external"} if other.kind == "external" else {}
        rows.append(cells + [TableCell(own.get(name, _MISSING)) for name in header[len(cells) :]])
    width = len(board.metrics)
    reason = [f"this is a separate table because {board.reason}"] if board.reason and papers is None else []
    return ResultTable(
        title=_title(board),
        header=header,
        rows=rows,
        notes=[
            *reason,
            *board.training_notes,
            *_row_notes(board, papers),
            *([_PUBLISHED_NOTE] if any(row.kind == "reference" for row in published) else []),
            *([_EXTERNAL_NOTE] if board.external else []),
        ],
        groups=[
            ColumnGroup(board.labels[name], 1 + width * at, 1 + width * (at + 1))
            for at, name in enumerate(board.tasks)
            if several
        ],
        main_columns=[at for at, (_, metric) in enumerate(columns, start=1) if metric == board.metric],
        details=[*_board_notes(board, intervals), *(_run_ids(board) if papers else ())],
        ranked=len(board.rows) if published else None,
    )


def _run_ids(board: Board) -> Iterator[str]:
    """Return a line per row with the ids of its runs."""
    for row in board.rows:
        entries = [entry.summary.id for score in row.scores.values() for entry in score.entries]
        yield f"{row.label}: {' '.join(entries)}"


def left_out_notes(left_out: Mapping[str, int]) -> list[str]:
    """Return a sentence for each reason why runs are in no table."""
    return [f"{count} run{'s' * (count > 1)} left out: {why}" for why, count in sorted(left_out.items())]


def bibliography(papers: Papers) -> str:
    """Return the references of methods as a .bib file, with no field that is not known."""
    pattern = r"(?P<authors>[^:]+): (?P<title>.+), (?P<venue>.+?),? (?P<year>\d{4})"
    parts = {name: re.fullmatch(pattern, paper.paper) for name, paper in papers.items()}
    # BibTeX counts braces in an address, and ends the entry there.
    urls = {
        name: quote(getattr(paper, "url", ""), safe=":/?#[]@!$&'()*+,;=%~") for name, paper in papers.items()
    }
    return render(ResultTable("", (), ()), "bib", papers=papers, parts=parts, urls=urls)


def _method_cell(label: str, method: str, papers: Papers | None, cite: bool = False) -> TableCell:
    if papers is None or method not in papers:
        return TableCell(label)
    title, rest = papers[method].title, label.removeprefix(method)
    key = method if cite and papers[method].paper else ""
    return TableCell(label if label.startswith(title) else title + rest, cite=key)


def _score_cell(score: Score | None, intervals: str, several: bool) -> TableCell:
    if score is None:
        return TableCell(_MISSING)
    estimate = score.estimate
    mean, spread = f"{estimate.mean:.1f}", "" if estimate.std is None else f"{estimate.std:.1f}"
    text = mean + f" ± {spread}" * bool(spread)
    if intervals in ("seeds", "both") and estimate.interval is not None:
        text += " [{:.1f}, {:.1f}]".format(*estimate.interval)
    if intervals in ("classes", "both") and score.class_interval is not None:
        text += " ({:.1f} to {:.1f})".format(*score.class_interval)
    if "(" in text or (several and "[" in text):
        mean = spread = ""  # so that every format shows the whole text
    text += "" if several else f" (n={estimate.n})"
    marks = {name: getattr(score, name) for name in ("best", "second", "tied")}
    return TableCell(text, mean=mean, spread=spread, **marks)


def _costs(row: Row) -> list[TableCell]:
    found = [score.costs for score in row.scores.values()]
    minutes = sum(part["seconds"] for part in found) / 60
    parameters = max(part["parameters"] or 0 for part in found)
    mebibytes = max(part["peak_memory_bytes"] for part in found) / 2**20
    return list(map(TableCell, (f"{minutes:.1f}", f"{parameters:,}", f"{mebibytes:,.0f}")))


def _one_decimal(number: float | None) -> str:
    return _MISSING if number is None else f"{number:.1f}"


def _title(board: Board) -> str:
    *others, last = board.metrics
    metrics = f"{', '.join(others)} and {last}" if others else last
    group = board.group
    what = f"{group.features} features, {group.semantics} semantics, {group.setting}"
    if not board.rows:
        return f"{metrics} in percent, {what}; external results, selected as their authors state"
    only = ": comparable with published habits only" if board.rule.startswith("test") else ""
    return f"{metrics} in percent, {what}; {RULES[board.rule]}{only}"


def _row_notes(board: Board, papers: Papers | None) -> Iterator[str]:
    """Return once what differs from the presets, with the rows where it does."""
    rows: dict[str, list[str]] = defaultdict(list)
    for row in board.rows:
        rows[row.changes].append(_method_cell(row.label, row.method, papers).text)
    yield from (f"{'; '.join(labels)}: {changes}" for changes, labels in rows.items() if changes)


def _board_notes(board: Board, intervals: str) -> Iterator[str]:
    scores = [
        (row, score) for row in board.rows for found in row.columns.values() for score in found.values()
    ]
    unmarked = _unmarked(board)
    if unmarked:
        yield f"no mark for {', '.join(unmarked)}: one seed, which may be lucky, is never the best of several"
    if intervals in ("seeds", "both"):
        yield f"in brackets: {INTERVAL}"
    if intervals in ("classes", "both"):
        yield f"in parentheses: {CLASS_INTERVAL}"
        without = dict.fromkeys(row.label for row, score in scores if score.class_interval is None)
        if without:
            yield (
                f"no interval over classes: {', '.join(without)}; the runs have no predictions by"
                f" {board.rule}, or there are fewer than six test classes"
            )
    how = f"than the best (5 %) by {board.test.description}, with Holm's correction; {board.test.limits}"
    if any(score.tied for _, score in scores):
        yield f"{TIED} not significantly worse {how}"
    elif any(score.probability is not None for _, score in scores):
        yield f"all rows that could be tested are significantly worse {how}"
    detectable = [score.detectable for _, score in scores if score.detectable is not None]
    if detectable:
        yield (
            f"the smallest true difference that a test finds with {100 * POWER:.0f} % power, at the level of"
            f" Holm's first step: {min(detectable):.1f} to {max(detectable):.1f} points, by row and column"
        )
    for name, task in board.tasks.items():
        yield f"{board.labels[name]}: task {task}"
    ranking = board.ranking
    if ranking is not None and ranking.probability is not None:
        yield (
            f"mean ranks by {board.metric} over {ranking.datasets} datasets; Friedman's test: p ="
            f" {ranking.probability:.2g}; ranks less than {ranking.critical_difference:.2f} apart do not"
            " differ significantly (Nemenyi, 5 %)"
        )


def _unmarked(board: Board) -> list[str]:
    """Return the rows of one seed with a number that is higher than the best of its column."""
    marked: dict[tuple[str, str], float] = {}
    columns = [
        (row.label, (name, metric), score)
        for row in board.rows
        for name, found in row.columns.items()
        for metric, score in found.items()
    ]
    for _, column, score in columns:
        if score.best:
            marked[column] = score.estimate.mean
    chance = [one for one in columns if one[2].is_chance_of_one_seed]
    found = (label for label, at, score in chance if score.estimate.mean > marked.get(at, 100))
    return list(dict.fromkeys(found))


def board_as_dict(board: Board, published: Sequence[ReferenceRow]) -> dict[str, Any]:
    """Return everything that the table shows, and the runs behind each number."""
    group, ranking = board.group, board.ranking
    rows = [
        {
            "method": row.label,
            "kind": "runs",
            "changes": row.changes,
            "rank": ranking and ranking.ranks[row.label],
            "scores": {
                name: {metric: _score_as_dict(row.columns[metric][name]) for metric in board.metrics}
                for name in row.scores
            },
        }
        for row in board.rows
    ]
    return {
        "rule": board.rule,
        "features": group.features,
        "semantics": group.semantics,
        "setting": group.setting,
        "protocol": -group.protocol,
        "interval": INTERVAL,
        "test": board.test.description,
        "variant": group.variant or None,
        "pretraining": group.pretraining,
        "mark": group.mark or None,
        "metrics": list(board.metrics),
        "ordered_by": board.metric,
        "reason": board.reason,
        "tasks": dict(board.tasks),
        "rows": rows + [_reference_as_dict(row) for row in published],
    }


def _reference_as_dict(row: ReferenceRow) -> dict[str, Any]:
    scores = {
        dataset: {
            metric: {"mean": value, "runs": row.runs.get(dataset, [])} for metric, value in found.items()
        }
        for dataset, found in row.values.items()
    }
    return {"method": row.title, "kind": row.kind, "source": "; ".join(row.sources), "scores": scores}


def _score_as_dict(score: Score) -> dict[str, Any]:
    return {
        **asdict(score.estimate),
        "class_interval": score.class_interval,
        **{name: getattr(score, name) for name in ("best", "second", "probability", "detectable")},
        "by_seed": {str(seed): value for seed, value in score.values.items()},
        "runs": [entry.summary.id for entry in score.entries],
        **score.costs,
    }


def list_scores(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a line per score of ``board_as_dict``: what it may be compared with, and its numbers."""
    about = {name: value for name, value in board.items() if name not in ("metrics", "tasks", "rows")}
    for row in board["rows"]:
        who = {"source": "", **{name: value for name, value in row.items() if name != "scores"}}
        for dataset, metric in ((name, metric) for name, found in row["scores"].items() for metric in found):
            score = row["scores"][dataset][metric]
            known = {name: value for name, value in score.items() if name not in _LISTS}
            low, high = score.get("interval") or (None, None)
            class_low, class_high = score.get("class_interval") or (None, None)
            where = {"dataset": dataset, "task": board["tasks"][dataset], "metric": metric}
            ends = {"low": low, "high": high, "class_low": class_low, "class_high": class_high}
            ends["runs"] = " ".join(score.get("runs", ()))
            yield {**where, **who, **about, **known, **ends}


def comparison_table(comparisons: Sequence[Comparison], rule: str, metric: str) -> ResultTable:
    """Return a row per published number."""
    title = f"{metric} (%): published, ours when stored, ours now by {rule}"
    text = [COMPARISON_COLUMNS.index(name) for name in ("method", "dataset", "verdict", "notes")]
    notes = []
    if comparisons:
        limit = comparisons[0].tolerance
        notes.append(f"a difference of {limit:g} points or less counts as agreement (--tolerance)")
    if not rule.startswith("test"):
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
        about = (f"{number.source} ({number.verified})", number.habits, number.label)
        source = ["; ".join(filter(None, about))]
    values = (_one_decimal(comparison.value), _one_decimal(comparison.stored))
    ours = (f"{estimate.mean:.1f}{spread}", str(estimate.n))
    difference = _MISSING if comparison.difference is None else f"{comparison.difference:+.1f}"
    dataset = comparison.now.entries[0].dataset_label
    cells = map(TableCell, (comparison.row, dataset, *values, *ours, difference, comparison.verdict))
    reasons = [comparison.why_not] if comparison.why_not else []
    return [*cells, TableCell("", notes=[*source, *reasons])]


def comparison_dicts(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Return everything, with sources and runs."""
    return [
        {
            **{name: getattr(item, name) for name in ("row", "stored", "difference", "verdict", "why_not")},
            "dataset": item.now.entries[0].dataset,
            "mark": item.now.entries[0].mark or None,
            **{
                name: getattr(item.published, name, None)
                for name in ("source", "verified", "selection", "calibration", "label")
            },
            **{name: getattr(item.now.estimate, name) for name in ("std", "n")},
            "method": item.now.method,
            "published": item.value,
            "ours": item.now.estimate.mean,
            "runs": [entry.summary.id for entry in item.now.entries],
        }
        for item in comparisons
    ]


def run_lines(entries: Sequence[Entry]) -> Iterator[str]:
    """Return a line per run; it is plain text, because there may be tens of thousands."""
    width = max((len(entry.summary.id) for entry in entries), default=0)
    numbers = "".join(f"{name:>7}" for name in PERCENTAGES)
    yield f"{'run':<{width}}{numbers}  {'by':<16}{'minutes':>8}  not as in the preset"
    for entry in entries:
        summary = entry.summary
        scores = summary.scores.values()
        numbers = "".join("      –" if score is None else f"{score:7.1f}" for score in scores)
        rule = summary.reported if summary.status == "complete" else summary.status
        changes = " ".join(f"{name}={value}" for name, value in entry.changes.items())
        control = f"control: {summary.control}" if summary.control else ""
        precision = "" if summary.cell.precision == "fp32" else f"precision={summary.cell.precision}"
        external = "" if summary.cell.external is None else f"external: {summary.cell.external.name}"
        remarks = (f"({remark})" for remark in (external, control, entry.mark) if remark)
        changes = " ".join(filter(None, [*remarks, precision, changes]))
        line = f"{summary.id:<{width}}{numbers}  {rule:<16}{summary.run.seconds / 60:8.1f}  {changes}"
        yield line.rstrip()
