"""The first page: leaderboards by selection rule and metric; and the list of all runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gzslbench.report.html.content import Content, method_of
from gzslbench.report.html.figures import figures_of_overview
from gzslbench.report.html.template import rendered
from gzslbench.report.leaderboard.board import Board, Row, Score, boards
from gzslbench.report.leaderboard.comparison import published_rows
from gzslbench.report.leaderboard.tables import leaderboard_table, left_out_notes
from gzslbench.report.tables import ResultTable, TableCell
from gzslbench.runs.record import PERCENTAGES, RULES, SELECTIONS


@dataclass(frozen=True)
class Panel:
    """A leaderboard with its words.

    Attributes:
        board: The table.
        sheet: Its title, cells and notes, the published rows last.
    """

    board: Board
    sheet: ResultTable

    @property
    def honest(self) -> bool:
        """Whether its epochs were chosen without the test set."""
        return self.board.rule in SELECTIONS

    @property
    def methods(self) -> Iterator[tuple[Row, list[tuple[str, str, Score | None]], str]]:
        """Each of its own rows: by dataset the text and the score, and the rank."""
        for row, cells in zip(self.board.rows, self.sheet.rows, strict=False):
            scores = [(name, text, row.scores.get(name)) for name, text in self._by_dataset(cells)]
            yield row, scores, cells[-1].text if self.board.ranking is not None else ""

    @property
    def published(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Each published row: its label, and by dataset the number's text."""
        for cells in self.sheet.rows[len(self.board.rows) :]:
            yield cells[0].text, self._by_dataset(cells)

    def _by_dataset(self, cells: Sequence[TableCell]) -> list[tuple[str, str]]:
        return [(name, cell.text) for name, cell in zip(self.board.tasks, cells[1:], strict=False)]


def overview_page(content: Content, drawn: bool) -> str:
    """The first page, with figures of the tables that show first where pages are ``drawn``."""
    panels = list(_panels(content))
    shown = [
        panel.board
        for panel in panels
        if (panel.board.rule, panel.board.metric) == (panels[0].board.rule, "H")
    ]
    return rendered(
        "index.html",
        panels=panels,
        metrics=PERCENTAGES,
        rules=_rules(content),
        honest=SELECTIONS,
        settings=sorted({panel.board.group.setting for panel in panels}),
        datasets=sorted({name for panel in panels for name in panel.board.tasks}),
        notes=[*content.notes, *_left_out(content)],
        method_of=method_of,
        figures=figures_of_overview(shown) if drawn else [],
        runs=len(content.entries),
        methods=content.methods,
    )


def runs_page(content: Content) -> str:
    """Every run, a row each."""
    return rendered(
        "runs.html",
        entries=content.entries,
        metrics=PERCENTAGES,
        method_of=method_of,
        datasets=sorted({entry.dataset for entry in content.entries}),
        statuses=sorted({entry.summary.status for entry in content.entries}),
    )


def _panels(content: Content) -> Iterator[Panel]:
    for rule in _rules(content):
        for metric in PERCENTAGES:
            for board in boards(content.entries, rule, metric)[0]:
                published = published_rows(board, content.numbers)
                yield Panel(board, leaderboard_table(board, published, intervals=False))


def _rules(content: Content) -> list[str]:
    """Those by which there are numbers, the honest ones first."""
    return [rule for rule in RULES if any(rule in entry.summary.metrics for entry in content.entries)]


def _left_out(content: Content) -> list[str]:
    """Runs that no table by the first rule shows, and why."""
    first = next(iter(_rules(content)), RULES[0])
    return [f"by {first}: {note}" for note in left_out_notes(boards(content.entries, first, "H")[1])]
