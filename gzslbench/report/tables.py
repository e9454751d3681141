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
    """The text of a cell, and whether it is the best of its column or not significantly worse."""

    text: str
    best: bool = False
    tied: bool = False


@dataclass(frozen=True)
class ResultTable:
    """A table with its title above and its notes below, before it has a format.

    ``text_columns`` are positions from 0 of the columns of text; the others are right-aligned numbers.
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

    from gzslbench.report.printing import make_table

    def styled(cell: TableCell) -> Text:
        if cell.best:
            return Text(f"{cell.text} *", style="bold green")
        return Text(f"{cell.text} ~", style="underline") if cell.tied else Text(cell.text)

    numbers = [name for at, name in enumerate(table.header) if at not in table.text_columns]
    view = make_table(table.header, (list(map(styled, row)) for row in table.rows), numbers)
    return Group(Text(table.title, style="bold"), view, *(Text(note, style="dim") for note in table.notes))


def render(table: ResultTable, form: str) -> str:
    """Render as ``md`` (GitHub's Markdown), ``latex`` or ``html``; the best and the tied cells stand out."""
    from jinja2 import Environment, PackageLoader

    template, escaped, best, tied = _FORMS[form]

    def marked(cell: TableCell) -> str:
        style = best if cell.best else tied if cell.tied else "{}"
        return style.format(escaped(cell.text))

    loader = PackageLoader("gzslbench.report.html")
    environment = Environment(loader=loader, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    environment.filters |= {"escaped": escaped, "marked": marked}
    return environment.get_template(template).render(table=table)


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


_FORMS: dict[str, tuple[str, Callable[[str], str], str, str]] = {
    "md": ("table.md", _markdown_text, "**{}**", "*{}*"),
    # It needs the package booktabs. Characters outside ASCII are left to the engine: pdfLaTeX knows many.
    "latex": ("table.tex", _latex_text, r"\textbf{{{}}}", r"\underline{{{}}}"),
    "html": ("table.html", escape, "<strong>{}</strong>", "<em>{}</em>"),
}
"""By format: the template, how text is escaped, and the styles of the best and of tied cells."""
