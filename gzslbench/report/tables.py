"""Tables of results in every format that people paste them into: terminal, Markdown, LaTeX and HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class TableCell:
    """One cell.

    Attributes:
        text: Its text.
        best: Whether it is the best of its column.
        tied: Whether it is not significantly worse than the best.
    """

    text: str
    best: bool = False
    tied: bool = False


@dataclass(frozen=True)
class ResultTable:
    """A table with its title and notes, before it has a format.

    Attributes:
        title: Printed above it.
        header: Names of the columns.
        rows: Each as long as the header.
        notes: Sentences printed below it.
        text_columns: Positions from 0 of the columns of text; the others are right-aligned numbers.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[TableCell]]
    notes: Sequence[str] = ()
    text_columns: Sequence[int] = (0,)


def to_console(table: ResultTable) -> RenderableType:
    """Render for a terminal: best in bold, tied underlined, both with a mark for terminals without styles."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    def styled(cell: TableCell) -> Text:
        if cell.best:
            return Text(f"{cell.text} *", style="bold green")
        return Text(f"{cell.text} ~", style="underline") if cell.tied else Text(cell.text)

    view = Table(box=None, header_style="bold", pad_edge=False)
    for position, name in enumerate(table.header):
        is_text = position in table.text_columns
        justify = "left" if is_text else "right"
        view.add_column(Text(name), justify=justify, no_wrap=not is_text, overflow="fold")  # type: ignore[arg-type]
    for row in table.rows:
        view.add_row(*map(styled, row))
    return Group(Text(table.title, style="bold"), view, *(Text(note, style="dim") for note in table.notes))


def to_markdown(table: ResultTable) -> str:
    """Render as a table of GitHub's Markdown: best in bold, tied in italics."""

    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cells)} |"

    rule = ["---" if position in table.text_columns else "---:" for position in range(len(table.header))]
    header = line(map(_markdown_text, table.header))
    lines = [f"**{_markdown_text(table.title)}**", "", header, line(rule)]
    lines += [line(_marked(cell, _markdown_text, "**{}**", "*{}*") for cell in row) for row in table.rows]
    if table.notes:
        lines += ["", *(f"- {_markdown_text(note)}" for note in table.notes)]
    return "\n".join(lines) + "\n"


def to_latex(table: ResultTable) -> str:
    r"""Render as a LaTeX table environment: best in bold, tied underlined, notes below.

    It needs ``\\usepackage{booktabs}``. Characters outside ASCII are left to the engine: pdfLaTeX knows those
    of western languages.
    """

    def line(cells: Iterable[str]) -> str:
        return " & ".join(cells) + r" \\"

    columns = "".join("l" if at in table.text_columns else "r" for at in range(len(table.header)))
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{_latex_text(table.title)}}}"]
    lines += [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", line(map(_latex_text, table.header))]
    lines += [r"\midrule"]
    lines += [
        line(_marked(cell, _latex_text, r"\textbf{{{}}}", r"\underline{{{}}}") for cell in row)
        for row in table.rows
    ]
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\footnotesize {_latex_text(note)}" for note in table.notes]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def to_html(table: ResultTable) -> str:
    """Render as an HTML section with a table: best strong, tied emphasized."""

    def row_html(row: Sequence[TableCell]) -> str:
        first, *rest = (_marked(cell, escape, "<strong>{}</strong>", "<em>{}</em>") for cell in row)
        return f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in rest) + "</tr>"

    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.header)
    body = "\n".join(map(row_html, table.rows))
    notes = "".join(f"<li>{escape(note)}</li>" for note in table.notes)
    parts = [
        "<section>",
        f"<table><caption>{escape(table.title)}</caption>",
        f"<thead><tr>{head}</tr></thead>",
        f"<tbody>\n{body}\n</tbody></table>",
        f"<ul>{notes}</ul>" if notes else "",
        "</section>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _marked(cell: TableCell, escaped: Callable[[str], str], best: str, tied: str) -> str:
    """Return the cell's escaped text, inside the format ``best`` or ``tied`` where it is so."""
    form = best if cell.best else tied if cell.tied else "{}"
    return form.format(escaped(cell.text))


_MARKDOWN_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~])")
_LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    **{sign: rf"\{sign}" for sign in "&%$#_{}"},
}


def _markdown_text(text: str) -> str:
    return _MARKDOWN_SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _latex_text(text: str) -> str:
    escaped = "".join(_LATEX_SPECIAL.get(sign, sign) for sign in " ".join(text.split()))
    # After a row's \\ a bracket would be taken for an option; braces before it prevent that.
    return f"{{}}{escaped}" if escaped.startswith("[") else escaped
