"""Sheets as an HTML fragment."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from gzslbench.report.console.sheets.sheet import Cell, Sheet


def to_html(sheet: Sheet) -> str:
    """A section with a table: the best strong, those not significantly worse emphasized."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in sheet.header)
    body = "\n".join(f"<tr>{_row(row)}</tr>" for row in sheet.rows)
    notes = "".join(f"<li>{escape(note)}</li>" for note in sheet.notes)
    parts = [
        "<section>",
        f"<table><caption>{escape(sheet.title)}</caption>",
        f"<thead><tr>{head}</tr></thead>",
        f"<tbody>\n{body}\n</tbody></table>",
        f"<ul>{notes}</ul>" if notes else "",
        "</section>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _row(row: Sequence[Cell]) -> str:
    first, *rest = row
    cells = "".join(f"<td>{_text(cell)}</td>" for cell in rest)
    return f'<th scope="row">{_text(first)}</th>{cells}'


def _text(cell: Cell) -> str:
    text = escape(cell.text)
    return f"<strong>{text}</strong>" if cell.best else f"<em>{text}</em>" if cell.tied else text
