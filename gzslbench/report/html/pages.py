"""The pages of the HTML report: leaderboards, the list of runs, a page per method and per run."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gzslbench import __version__
from gzslbench.errors import GzslBenchError, StoreError
from gzslbench.evaluation.predictions import load_predictions
from gzslbench.plugins.spec import spec_fields
from gzslbench.report.figures.run_figures import Drawing, figures_of_run
from gzslbench.report.html.content import INDEX, RUNS, SiteContent, link, method_file, run_file, web_address
from gzslbench.report.leaderboard.board import boards
from gzslbench.report.leaderboard.comparison import comparisons, published_rows
from gzslbench.report.leaderboard.entry import Entry
from gzslbench.report.leaderboard.tables import comparison_table, leaderboard_table, left_out_notes
from gzslbench.report.printing import format_value
from gzslbench.report.terminal import plugins
from gzslbench.report.terminal.predictions import ClassOutcome, class_outcomes
from gzslbench.report.terminal.run import CHOSEN_ON, record_sections, repeat_command
from gzslbench.runs.record import EPOCHS, PERCENTAGES, RULES, SELECTIONS, Record
from gzslbench.runs.store import RunFolder
from gzslbench.runs.verify import PredictionsWarning, find_problems

_ENVIRONMENT = Environment(
    loader=PackageLoader("gzslbench.report.html"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters["format_value"] = format_value
_ENVIRONMENT.globals.update(
    version=__version__,
    INDEX=INDEX,
    RUNS=RUNS,
    link=link,
    run_file=run_file,
    method_file=method_file,
    web_address=web_address,
    metrics=PERCENTAGES,
    epochs=EPOCHS,
    all_rules=RULES,
    without_test=SELECTIONS,
    chosen_on=CHOSEN_ON,
    marks=plugins.MARKS,
    base="",
)


def _render(template: str, **values: Any) -> str:
    return _ENVIRONMENT.get_template(template).render(**values)


def overview_page(content: SiteContent, figures: bool) -> str:
    """Return the first page: leaderboards of every rule and metric, with figures of those shown first."""
    rules = [rule for rule in RULES if any(rule in entry.summary.metrics for entry in content.entries)]
    found = [
        board
        for rule in rules
        for metric in PERCENTAGES
        for board in boards(content.entries, rule, metric)[0]
    ]
    first = rules[0] if rules else RULES[0]
    shown = [board for board in found if (board.rule, board.metric) == (first, "H")]
    drawn: list[tuple[Drawing, Markup | None]] = []
    if figures and shown:
        from gzslbench.report.figures.leaderboards import figures_of_boards  # it imports matplotlib

        drawn = [drawing for drawing in _draw(figures_of_boards(shown)) if drawing[1]]
    left_out = [f"by {first}: {note}" for note in left_out_notes(boards(content.entries, first, "H")[1])]
    return _render(
        "index.html",
        boards=[
            (board, leaderboard_table(board, published_rows(board, content.numbers), intervals=False))
            for board in found
        ],
        rules=rules,
        datasets=sorted({name for board in found for name in board.tasks}),
        notes=[*content.notes, *left_out],
        figures=drawn,
        runs=len(content.entries),
        methods=content.methods,
    )


def runs_page(content: SiteContent) -> str:
    """Return the list of all runs."""
    return _render("runs.html", entries=content.entries)


def method_page(name: str, content: SiteContent) -> str:
    """Return a method's page: what it is, its parameters, published numbers, and its runs next to those."""
    spec = content.specs.get(name)
    entries = [entry for entry in content.entries if entry.method == name]
    numbers = [number for number in content.numbers if number.method == name]
    found = comparisons(boards(entries, "last", "H")[0], numbers, content.stored)
    return _render(
        "method.html",
        base="../",
        name=name,
        about={} if spec is None else spec_fields(spec),
        parameters=None if spec is None else plugins.parameters_json(spec),
        published=plugins.published_rows(numbers),
        comparison=comparison_table(found, "last", "H") if found else None,
        entries=entries,
    )


def run_page(entry: Entry, folder: RunFolder, figures: bool) -> str:
    """Return a run's page: everything about it."""
    record = folder.record()
    if record is None:
        raise StoreError("the record is gone", where=folder.record_file, fix="make the report again")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PredictionsWarning)  # the page lists the problems
        drawn = _draw(figures_of_run(record, folder, with_features=False)) if figures else []
    return _render(
        "run.html",
        base="../",
        record=record,
        entry=entry,
        command=repeat_command(record),
        problems=find_problems(folder),
        classes=_classes(record, folder),
        sections=record_sections(record),
        figures=drawn,
    )


def _classes(record: Record, folder: RunFolder) -> list[ClassOutcome]:
    """Return every candidate class; none if the predictions cannot be read, which the problems say."""
    names = record.task.class_names or ()
    try:
        predictions = load_predictions(folder.predictions_file)
    except GzslBenchError:
        return []
    return class_outcomes(predictions, names) if len(names) == len(predictions.seen) else []


def _draw(drawings: Iterable[Drawing]) -> list[tuple[Drawing, Markup | None]]:
    """Draw what can be drawn, as SVG inside the page."""
    from gzslbench.report.figures.canvas import themed_svg

    return [
        (drawing, Markup(themed_svg(drawing.draw(), drawing.title)) if drawing.draw else None)
        for drawing in drawings
    ]
