"""Sheets on the terminal."""

from __future__ import annotations

from typing import Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.report.console.sheets.sheet import Cell, Sheet


def to_console(sheet: Sheet) -> RenderableType:
    """The best in bold, those not significantly worse underlined and with a mark, for terminals without."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for position, name in enumerate(sheet.header):
        in_words = position in sheet.words
        justify: Literal["left", "right"] = "left" if in_words else "right"
        table.add_column(Text(name), justify=justify, no_wrap=not in_words, overflow="fold")
    for row in sheet.rows:
        table.add_row(*map(_text, row))
    return Group(Text(sheet.title, style="bold"), table, *(Text(note, style="dim") for note in sheet.notes))


def _text(cell: Cell) -> Text:
    if cell.best:
        return Text(f"{cell.text} *", style="bold green")
    return Text(f"{cell.text} ~", style="underline") if cell.tied else Text(cell.text)
