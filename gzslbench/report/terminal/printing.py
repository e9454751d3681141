"""The console that commands print to, and the tables that most of them print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

NO_TERMINAL_WIDTH = 190
"""Columns of the output where it is not a terminal, so that files and pipes get whole lines."""
MISSING = "–"
"""What a cell shows that has no value."""


def make_console() -> Console:
    """Return a console on standard output."""
    terminal = Console(highlight=False)
    return terminal if terminal.is_terminal else Console(highlight=False, width=NO_TERMINAL_WIDTH)


def make_table(text: Sequence[str], numbers: Sequence[str] = ()) -> Table:
    """Return an empty table without borders: columns of text first, then right-aligned columns of numbers."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in text:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def key_values(values: Mapping[str, Any]) -> Table:
    """Return a table of two columns, names and values."""
    table = Table(box=None, show_header=False, pad_edge=True)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in values.items():
        table.add_row(Text(str(name)), Text(format_value(value)))
    return table


def format_value(value: Any) -> str:
    """Return a JSON value as a reader would write it."""
    if isinstance(value, float):
        return f"{value:g}"
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {format_value(part)}" for name, part in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(format_value(part) for part in value)
    return str(value)


def format_percent(value: float | None) -> str:
    """Return a percentage with two decimals, or a dash for None."""
    return MISSING if value is None else f"{value:.2f}"


def format_assignments(values: Mapping[str, Any], separator: str = " ") -> str:
    """Return ``values`` as NAME=VALUE, as ``--set`` takes them."""
    return separator.join(f"{name}={value}" for name, value in values.items())
