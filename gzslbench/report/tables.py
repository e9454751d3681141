"""Tables of results in every format that people paste them into: terminal, Markdown, LaTeX and HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.text import Text

BEST, SECOND, TIED = "*", "'", "~"
"""Marks of cells for terminals without styles."""


@dataclass(frozen=True)
class TableCell:
    """A cell, and how it stands in its column.

    Attributes:
        text: Everything that the cell says.
        best: Whether it is the best of its column.
        tied: Whether it is not significantly worse than the best.
        second: Whether it is the second best.
        mean: Of a number with a spread, the number alone; empty for any other text.
        spread: The standard deviation alone; empty if there is none.
        notes: Long texts; they are numbered and listed below the table.
        cite: Key of a reference, for LaTeX; empty without one.
    """

    text: str
    best: bool = False
    tied: bool = False
    second: bool = False
    mean: str = ""
    spread: str = ""
    notes: Sequence[str] = ()
    cite: str = ""

    @property
    def mark(self) -> str:
        """How the cell stands, for a terminal without styles."""
        return BEST * self.best + SECOND * self.second + TIED * self.tied

    @property
    def style(self) -> str:
        """How the cell stands, for a terminal with styles."""
        return "bold green" if self.best else "underline" if self.second else ""


class ColumnGroup(NamedTuple):
    """Neighbouring columns with a common heading: positions from ``start`` to before ``stop``."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True)
class ResultTable:
    """A table with its title above and its notes below, before it has a format.

    Attributes:
        text_columns: Positions from 0 of the columns of text; the others are right-aligned numbers.
        groups: The columns with a common heading, which follow the first column.
        main_columns: Positions of the numbers that keep their spread if not all columns can.
        details: Notes for who wants to repeat the numbers; in LaTeX they are comments.
        ranked: Number of the rows above a rule; None without one.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[TableCell]]
    notes: Sequence[str] = ()
    text_columns: Sequence[int] = (0,)
    groups: Sequence[ColumnGroup] = ()
    main_columns: Sequence[int] = ()
    details: Sequence[str] = ()
    ranked: int | None = None

    @cached_property
    def numbered(self) -> dict[str, int]:
        """The numbers of the cells' notes."""
        texts = dict.fromkeys(note for row in self.rows for cell in row for note in cell.notes)
        return {text: number for number, text in enumerate(texts, start=1)}

    @property
    def marks_best(self) -> bool:
        """Whether it marks the best of a column, and then the second best too."""
        return any(cell.best for row in self.rows for cell in row)

    def marks(self, cell: TableCell) -> str:
        """Return the numbers of a cell's notes, such as ``1, 3``."""
        return ", ".join(str(self.numbered[note]) for note in cell.notes)

    def all_notes(self, best: str, second: str) -> list[str]:
        """Return all notes; ``best`` and ``second`` say how these are marked."""
        legend = [f"{best} best of its column, {second} second best"] * self.marks_best
        numbered = [f"[{number}] {text}" for text, number in self.numbered.items()]
        return [*legend, *numbered, *self.notes, *self.details]


def share_details(tables: Sequence[ResultTable]) -> Iterator[ResultTable]:
    """Leave the details that all tables have with the first alone, so that they are read once."""
    common = set(tables[0].details).intersection(*(table.details for table in tables))
    yield tables[0]
    for table in tables[1:]:
        yield replace(table, details=[detail for detail in table.details if detail not in common])


def to_console(table: ResultTable) -> RenderableType:
    """Render for a terminal: best in bold, second best underlined, both with a mark too."""
    from rich.console import Group
    from rich.text import Text

    notes = (Text(note, style="dim") for note in table.all_notes(BEST, SECOND))
    return Group(Text(table.title, style="bold"), _Body(table), *notes)


class _Body:
    """The rows of a table, for ``rich``: as many groups side by side as the terminal is wide.

    Where not all of them fit, the spread stays with the main columns only; then the groups are one below
    another.
    """

    def __init__(self, table: ResultTable) -> None:
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        from rich.measure import Measurement

        groups, roomy = self.table.groups, options.update(max_width=10_000)
        blocks: list[RenderableType] = [self._columns(groups, full=True)]
        for size, full in ((size, full) for size in range(len(groups), 0, -1) for full in (True, False)):
            blocks = [self._columns(groups[at : at + size], full) for at in range(0, len(groups), size)]
            if max(Measurement.get(console, roomy, block).maximum for block in blocks) <= options.max_width:
                break
        yield from blocks

    def _columns(self, groups: Sequence[ColumnGroup], full: bool) -> RenderableType:
        """Return the first column, then some groups, each as one, and after the last group the others."""
        from gzslbench.report.printing import make_table

        table = self.table
        end = table.groups[-1].stop if table.groups else 1
        others = range(end, len(table.header)) if groups == table.groups[-len(groups) :] else range(0)
        columns = {table.header[0]: self._plain(0), **dict(self._joined(group, full) for group in groups)}
        columns |= {table.header[at]: self._plain(at) for at in others}
        numbers = [table.header[at] for at in others if at not in table.text_columns]
        return make_table(list(columns), zip(*columns.values(), strict=True), numbers)

    def _plain(self, at: int) -> list[Text]:
        from rich.text import Text

        cells = [row[at] for row in self.table.rows]
        texts = [(cell.text, f"[{self.table.marks(cell)}]" * bool(cell.notes), cell.mark) for cell in cells]
        return [
            Text(" ".join(filter(None, text)), cell.style) for text, cell in zip(texts, cells, strict=True)
        ]

    def _joined(self, group: ColumnGroup, full: bool) -> tuple[str, list[Text]]:
        """Return the heading of a group in two lines, and its rows, the points of numbers in line."""
        from rich.text import Text

        names, lines = [], [Text() for _ in self.table.rows]
        for at in range(group.start, group.stop):
            name, spread = self.table.header[at], full or at in self.table.main_columns
            cells = [row[at] for row in self.table.rows]
            tails = [f"±{cell.spread}" * bool(cell.spread and spread) + cell.mark for cell in cells]
            left = max(len(name), *(len(cell.mean or cell.text) for cell in cells))
            right = max(map(len, tails))
            names.append(name.rjust(left) + " " * right)
            for line, cell, tail in zip(lines, cells, tails, strict=True):
                line.append("  " * (at > group.start)).append(
                    (cell.mean or cell.text).rjust(left), cell.style
                )
                line.append(tail.ljust(right))
        header = "  ".join(names)
        return f"{f' {group.name} ':─^{len(header)}}\n{header}", lines


def render(table: ResultTable, form: str, **more: Any) -> str:
    """Render as ``md`` (GitHub's Markdown), ``html`` or ``latex``; ``more`` are values of the template.

    In LaTeX up to four columns of numbers fit one column of a page in two columns, and up to twelve its
    width, with a standard deviation for every number. In wider tables it stays with the main columns only. A
    table that is still too wide is scaled down. It needs the packages booktabs and graphicx.
    """
    from jinja2 import Environment, PackageLoader

    loader = PackageLoader("gzslbench.report.html")
    environment = Environment(loader=loader, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    template, environment.filters["escaped"] = _FORMS[form]
    return environment.get_template(template).render(table=table, **more)


_MARKDOWN_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~])")
_LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "–": "--",
    **{sign: rf"\{sign}" for sign in "&%$#_{}"},
}


def _markdown_text(text: str) -> str:
    return _MARKDOWN_SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _latex_text(text: str) -> str:
    escaped = "".join(_LATEX_SPECIAL.get(sign, sign) for sign in " ".join(text.split()))
    # After a row's \\ a bracket would be taken for an option; braces before it prevent that.
    return f"{{}}{escaped}" if escaped.startswith("[") else escaped


def _bibtex_text(text: str) -> str:
    # BibTeX counts an escaped brace as a brace.
    escaped = _latex_text(text)
    return escaped.replace(r"\{", r"\textbraceleft{}").replace(r"\}", r"\textbraceright{}")


_FORMS = {
    "md": ("table.md", _markdown_text),
    "html": ("table.html", escape),
    # Characters outside ASCII are left to the engine: pdfLaTeX knows many.
    "latex": ("table.tex", _latex_text),
    "bib": ("references.bib", _bibtex_text),
}
"""By format: the template, and how text is escaped."""
