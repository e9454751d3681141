"""The pages of the HTML report: leaderboards, the list of runs, a page per method and per run."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gzslbench import __version__
from gzslbench.errors import GzslBenchError, StoreError
from gzslbench.evaluation.predictions import load_predictions
from gzslbench.report.figures.drawing import Drawing
from gzslbench.report.html.site import INDEX, RUNS, SiteContent, link, method_file, run_file, web_address
from gzslbench.report.leaderboard.board import Board, Row, Score, boards
from gzslbench.report.leaderboard.comparison import comparisons, published_rows
from gzslbench.report.leaderboard.entry import Entry
from gzslbench.report.leaderboard.tables import comparison_table, leaderboard_table, left_out_notes
from gzslbench.report.tables import ResultTable, TableCell
from gzslbench.report.terminal import plugins
from gzslbench.report.terminal.predictions import ClassOutcome, class_outcomes
from gzslbench.report.terminal.printing import format_value
from gzslbench.report.terminal.run import CHOSEN_ON, record_sections, repeat_command
from gzslbench.runs.record import EPOCHS, PERCENTAGES, RULES, SELECTIONS, Record
from gzslbench.runs.store import RunFolder
from gzslbench.runs.verify import PredictionsWarning, find_problems


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gzslbench.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["format_value"] = format_value
    environment.globals.update(
        version=__version__,
        INDEX=INDEX,
        RUNS=RUNS,
        link=link,
        run_file=run_file,
        method_file=method_file,
        web_address=web_address,
        metrics=PERCENTAGES,
        without_test=SELECTIONS,
        base="",
    )
    return environment


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(**values)


@dataclass(frozen=True)
class LeaderboardView:
    """A leaderboard as the overview shows it.

    Attributes:
        board: The leaderboard.
        table: Its title, cells and notes, the published rows last.
    """

    board: Board
    table: ResultTable

    @property
    def without_test(self) -> bool:
        """Whether its epochs were chosen without the test set."""
        return self.board.rule in SELECTIONS

    @property
    def rows(self) -> Iterator[tuple[Row, list[tuple[str, str, Score | None]], str]]:
        """Each of its own rows: the row, by dataset the text and the score, and the rank."""
        for row, cells in zip(self.board.rows, self.table.rows, strict=False):
            scores = [(name, text, row.scores.get(name)) for name, text in self._by_dataset(cells)]
            yield row, scores, cells[-1].text if self.board.ranking is not None else ""

    @property
    def published(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Each published row: its label, and by dataset the number's text."""
        for cells in self.table.rows[len(self.board.rows) :]:
            yield cells[0].text, self._by_dataset(cells)

    def _by_dataset(self, cells: Sequence[TableCell]) -> list[tuple[str, str]]:
        return [(name, cell.text) for name, cell in zip(self.board.tasks, cells[1:], strict=False)]


def overview_page(content: SiteContent, figures: bool) -> str:
    """Return the first page: leaderboards of every rule and metric, with figures of those shown first."""
    rules = [rule for rule in RULES if any(rule in entry.summary.metrics for entry in content.entries)]
    views = list(_leaderboards(content, rules))
    first = rules[0] if rules else RULES[0]
    shown = [view.board for view in views if (view.board.rule, view.board.metric) == (first, "H")]
    left_out = [f"by {first}: {note}" for note in left_out_notes(boards(content.entries, first, "H")[1])]
    return _render(
        "index.html",
        views=views,
        rules=rules,
        settings=sorted({view.board.group.setting for view in views}),
        datasets=sorted({name for view in views for name in view.board.tasks}),
        notes=[*content.notes, *left_out],
        figures=_overview_figures(shown) if figures else [],
        runs=len(content.entries),
        methods=content.methods,
    )


def _leaderboards(content: SiteContent, rules: Sequence[str]) -> Iterator[LeaderboardView]:
    for rule in rules:
        for metric in PERCENTAGES:
            for board in boards(content.entries, rule, metric)[0]:
                published = published_rows(board, content.numbers)
                yield LeaderboardView(board, leaderboard_table(board, published, intervals=False))


def runs_page(content: SiteContent) -> str:
    """Return the list of all runs."""
    return _render(
        "runs.html",
        entries=content.entries,
        datasets=sorted({entry.dataset for entry in content.entries}),
        statuses=sorted({entry.summary.status for entry in content.entries}),
    )


def method_page(name: str, content: SiteContent) -> str:
    """Return a method's page: what it is, its parameters, published numbers, and its runs next to those."""
    spec = content.specs.get(name)
    entries = [entry for entry in content.entries if entry.method == name]
    numbers = [number for number in content.numbers if number.method == name]
    found = comparisons(boards(entries, "last", "H")[0], numbers, content.stored)
    rows, remarks = plugins.published_rows(numbers)
    return _render(
        "method.html",
        base="../",
        name=name,
        about={} if spec is None else plugins.spec_fields(spec),
        parameters=None if spec is None else plugins.parameters_json(spec),
        published=rows,
        remarks=remarks,
        marks=plugins.MARKS,
        comparison=comparison_table(found, "last", "H") if found else None,
        entries=entries,
    )


def run_page(entry: Entry, folder: RunFolder, figures: bool) -> str:
    """Return a run's page: everything about it.

    Raises:
        StoreError: Its record has been removed or damaged since it was listed.
    """
    record = folder.record()
    if record is None:
        raise StoreError("the record is gone", where=folder.record_file, fix="make the report again")
    return _render(
        "run.html",
        base="../",
        record=record,
        method=entry.method,
        changes=entry.changes,
        rules=[rule for rule in RULES if rule in record.metrics],
        chosen_on=CHOSEN_ON,
        columns=(*PERCENTAGES, *EPOCHS),
        command=repeat_command(record),
        problems=find_problems(folder),
        classes=_classes(record, folder),
        sections=record_sections(record),
        figures=_run_figures(record, folder) if figures else [],
    )


def _classes(record: Record, folder: RunFolder) -> list[ClassOutcome]:
    """Return every candidate class; none where the predictions cannot be read, which the problems say."""
    names = record.task.class_names or ()
    try:
        predictions = load_predictions(folder.predictions_file)
    except GzslBenchError:
        return []
    return class_outcomes(predictions, names) if len(names) == len(predictions.seen) else []


def _run_figures(record: Record, folder: RunFolder) -> list[tuple[Drawing, Markup | None]]:
    """Draw the figures that need the record and the predictions only, not the model."""
    from gzslbench.report.figures.run_figures import figures_of_run

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PredictionsWarning)  # the page lists the problems
        return _draw(figures_of_run(record, folder, with_features=False))


def _overview_figures(shown: Sequence[Board]) -> list[tuple[Drawing, Markup | None]]:
    """Draw the figures of leaderboards of one rule and one metric; leave out those that cannot be drawn."""
    from gzslbench.report.figures.leaderboard_figures import figures_of_boards

    return [drawn for drawn in _draw(figures_of_boards(shown) if shown else ()) if drawn[1]]


def _draw(drawings: Iterable[Drawing]) -> list[tuple[Drawing, Markup | None]]:
    """Draw what can be drawn, as SVG inside the page."""
    from gzslbench.report.figures.canvas import themed_svg

    return [
        (drawing, Markup(themed_svg(drawing.draw(), drawing.title)) if drawing.draw else None)
        for drawing in drawings
    ]
