"""Tables of results in every format that people paste them into: terminal, Markdown, LaTeX and HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
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
    from rich.text import Text

    from gzslbench.report.terminal.printing import make_table

    def styled(cell: TableCell) -> Text:
        if cell.best:
            return Text(f"{cell.text} *", style="bold green")
        return Text(f"{cell.text} ~", style="underline") if cell.tied else Text(cell.text)

    numbers = [name for at, name in enumerate(table.header) if at not in table.text_columns]
    view = make_table(table.header, (list(map(styled, row)) for row in table.rows), numbers)
    return Group(Text(table.title, style="bold"), view, *(Text(note, style="dim") for note in table.notes))


def to_markdown(table: ResultTable) -> str:
    """Render as a table of GitHub's Markdown: best in bold, tied in italics."""
    rows = [
        [_markdown_text(name) for name in table.header],
        ["---" if at in table.text_columns else "---:" for at in range(len(table.header))],
        *([_marked(cell, _markdown_text, "**{}**", "*{}*") for cell in row] for row in table.rows),
    ]
    lines = [f"**{_markdown_text(table.title)}**", "", *(f"| {' | '.join(row)} |" for row in rows)]
    if table.notes:
        lines += ["", *(f"- {_markdown_text(note)}" for note in table.notes)]
    return "\n".join(lines) + "\n"


def to_latex(table: ResultTable) -> str:
    r"""Render as a LaTeX table environment: best in bold, tied underlined, notes below.

    It needs ``\\usepackage{booktabs}``. Characters outside ASCII are left to the engine: pdfLaTeX knows those
    of western languages.
    """
    columns = "".join("l" if at in table.text_columns else "r" for at in range(len(table.header)))
    rows = (
        [_marked(cell, _latex_text, r"\textbf{{{}}}", r"\underline{{{}}}") for cell in row]
        for row in table.rows
    )
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_latex_text(table.title)}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        " & ".join(map(_latex_text, table.header)) + r" \\",
        r"\midrule",
        *(" & ".join(row) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\footnotesize {_latex_text(note)}" for note in table.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def to_html(table: ResultTable) -> str:
    """Render as an HTML section with a table: best strong, tied emphasized."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.header)
    caption = f"<table><caption>{escape(table.title)}</caption>"
    lines = ["<section>", caption, f"<thead><tr>{head}</tr></thead>", "<tbody>"]
    for row in table.rows:
        first, *rest = (_marked(cell, escape, "<strong>{}</strong>", "<em>{}</em>") for cell in row)
        cells = "".join(f"<td>{cell}</td>" for cell in rest)
        lines.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    lines.append("</tbody></table>")
    if table.notes:
        notes = "".join(f"<li>{escape(note)}</li>" for note in table.notes)
        lines.append(f"<ul>{notes}</ul>")
    return "\n".join([*lines, "</section>"]) + "\n"


def _marked(cell: TableCell, escaped: Callable[[str], str], best: str, tied: str) -> str:
    """Return the cell's escaped text, in the format ``best`` or ``tied`` if it is so."""
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
