"""Sheets in Markdown as GitHub renders it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gzslbench.report.console.sheets.sheet import Cell, Sheet

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~])")


def to_markdown(sheet: Sheet) -> str:
    """The best in bold, those not significantly worse in italics."""
    rule = ["---" if position in sheet.words else "---:" for position in range(len(sheet.header))]
    lines = [f"**{_escaped(sheet.title)}**", "", _line(map(_escaped, sheet.header)), _line(rule)]
    lines += [_line(map(_text, row)) for row in sheet.rows]
    if sheet.notes:
        lines += ["", *(f"- {_escaped(note)}" for note in sheet.notes)]
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(cell: Cell) -> str:
    text = _escaped(cell.text)
    return f"**{text}**" if cell.best else f"*{text}*" if cell.tied else text


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
