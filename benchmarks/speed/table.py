"""A measured case on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def report(measured: Mapping[str, Any]) -> RenderableType:
    """Return the conditions, then a row per contestant, grouped by setting.

    Empty columns are left out.

    Args:
        measured: What ``Measurement.as_dict`` gives, or its JSON.
    """
    rows = measured["rows"]
    timed = any(row["seconds"] for row in rows)
    weighed = any(row["peak_bytes"] is not None for row in rows)
    table = Table(header_style="bold", box=None, pad_edge=False)
    table.add_column("setting", no_wrap=True, style="cyan")
    table.add_column("contestant", no_wrap=True)
    for name in ("median", "x ours", "rounds") * timed + ("peak memory", "x ours") * weighed:
        table.add_column(name, justify="right", no_wrap=True)
    before = None
    for row in rows:
        if before not in (None, row["setting"]):
            table.add_row()
        shown = row["setting"] if row["setting"] != before else ""
        who = row["contestant"] + (f" ({row['failure']})" if row["failure"] else "")
        table.add_row(Text(shown), Text(who), *_times(row) * timed, *_memory(row) * weighed)
        before = row["setting"]
    return Group(*_heading(measured), table)


def _heading(measured: Mapping[str, Any]) -> list[Text]:
    state = "" if measured["complete"] else " (not finished)"
    where = f"{measured['device']}, {measured['threads']} threads, {measured['precision']}"
    if measured.get("clock") == "cpu":
        where += ", CPU time"
    versions = f"torch {measured['versions']['torch']}, gzslbench {measured['versions']['gzslbench']}"
    lines = [f"{where}, {versions}, {measured['date']}"]
    if measured["quick"]:
        lines.append("tiny shapes: these numbers mean nothing")
    return [Text(f"{measured['case']}{state}: {measured['title']}", "bold"), *map(Text, lines)]


def _times(row: Mapping[str, Any]) -> tuple[str, ...]:
    return _seconds(row["median"]), _ratio(row["ratio"]), str(len(row["seconds"]) or "")


def _memory(row: Mapping[str, Any]) -> tuple[str, ...]:
    peak = row["peak_bytes"]
    return "" if peak is None else f"{peak / 2**20:,.1f} MiB", _ratio(row["peak_ratio"])


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    unit, name = next((unit for unit in _UNITS if value >= unit[0]), _UNITS[-1])
    return f"{value / unit:.3g} {name}" if value < 1000 else f"{value:.0f} s"
