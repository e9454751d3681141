"""The console that commands print to, and the tables that they print."""

from __future__ import annotations

import re
import sys
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from itertools import zip_longest
from typing import Any

from rich.console import Console
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

NO_TERMINAL_WIDTH = 190
"""Columns of the output where it is not a terminal, so that files and pipes get whole lines."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
MISSING = "–"
"""What a cell without a value shows."""


class _SafeConsole(Console):
    """A console on which no text from a file, such as a name in a record, can control the terminal."""

    def render(self, *args: Any, **options: Any) -> Iterable[Segment]:
        for segment in super().render(*args, **options):
            yield segment if segment.control else segment._replace(text=_CONTROLS.sub("?", segment.text))


def make_console() -> Console:
    """Return a console on standard output."""
    terminal = _SafeConsole(highlight=False)
    return terminal if terminal.is_terminal else _SafeConsole(highlight=False, width=NO_TERMINAL_WIDTH)


def print_line(line: str) -> None:
    """Print a line to standard error at once."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def make_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    numbers: Container[str] = (),
    styles: Iterable[str] = (),
) -> Table:
    """Return a table without borders, with a style per row."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        right = name in numbers
        table.add_column(Text(name), justify="right" if right else "left", no_wrap=right, overflow="fold")
    for row, style in zip_longest(rows, styles, fillvalue=""):
        table.add_row(*map(_format_cell, row), style=str(style))
    return table


def _format_cell(cell: Any) -> Text:
    if isinstance(cell, Text):
        return cell
    return Text(MISSING if cell is None else f"{cell:.2f}" if isinstance(cell, float) else str(cell))


def key_values(values: Mapping[str, Any]) -> Table:
    """Return a table of two columns, names and values, without the names that have no value."""
    table = Table(box=None, show_header=False, pad_edge=True)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in values.items():
        if (text := format_value(value)) not in ("", MISSING):
            table.add_row(Text(str(name)), Text(text))
    return table


def format_value(value: Any) -> str:
    """Return a JSON value as a reader would write it."""
    if value is None:
        return MISSING
    if isinstance(value, float):
        return f"{value:g}"
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {format_value(part)}" for name, part in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(format_value(part) for part in value)
    return str(value)
