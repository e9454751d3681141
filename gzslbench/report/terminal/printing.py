"""A run on the terminal, during ``gzslbench run`` and in ``gzslbench show``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.report.console.command import repeat_command
from gzslbench.report.console.description import files, sections, words
from gzslbench.runs.record import PERCENTAGES, RULES, SELECTIONS, Record
from gzslbench.runs.store import DEFAULT_ROOT, RunFolder

CHOSEN_ON = {
    "last": "nothing (last)",
    "val": "validation",
    "test-peek": "TEST epoch+head",
    "test-peek-inner": "TEST head",
    "test-peek-outer": "TEST epoch",
}


def console() -> Console:
    """Standard output; wide where it is no terminal, so that files and pipes get whole lines."""
    terminal = Console(highlight=False)
    return terminal if terminal.is_terminal else Console(highlight=False, width=190)


def metrics_table(record: Record) -> Table:
    """The metrics in percent by selection rule, with the epochs of model and head and what chose them.

    The rule asked for is bold; rules that choose on the test set are yellow and say so.
    """
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("selection")
    for name in (*PERCENTAGES, "epoch", "head"):
        table.add_column(name, justify="right")
    table.add_column("chosen on")
    for rule in RULES:
        if rule in record.metrics:
            numbers = record.metrics[rule]
            scores = [f"{numbers[name]:.2f}" for name in PERCENTAGES]
            epochs = [str(numbers["epoch"]), str(numbers["head_epoch"])]
            table.add_row(rule, *scores, *epochs, CHOSEN_ON[rule], style=_style(record, rule))
    return table


def run_summary(record: Record, folder: RunFolder) -> RenderableType:
    """What a run came to, where it is, and what to type next."""
    task = record.task
    what = f"{record.cell['method']} on {task['dataset']}, seed {record.cell['seed']}: {record.status}"
    parts: list[RenderableType] = [Text(what, style="bold" if record.status == "complete" else "bold red")]
    if record.failure is not None:
        parts += [Text(f"{name}: {value}") for name, value in record.failure.items()]
    if record.metrics:
        parts += [Text(), metrics_table(record), Text()]
    parts.append(
        key_values({"task": task["id"], "record": folder.record_file, "next": _show_command(folder)})
    )
    return Group(*parts)


def run_description(record: Record, folder: RunFolder) -> RenderableType:
    """All that a record says: settings, task, metrics, environment, files and how to repeat it."""
    parts: list[RenderableType] = [Text(f"{record.id}: {record.status}", style="bold"), Text()]
    if record.metrics:
        parts += [metrics_table(record), Text()]
    for title, values in {**sections(record), "files": files(folder)}.items():
        if values:
            parts += [Text(title, style="bold"), key_values(values), Text()]
    parts += [
        Text("repeat it", style="bold"),
        Text(f"  {repeat_command(record)}", no_wrap=True, overflow="ignore"),
    ]
    return Group(*parts)


def print_run(record: Record, folder: RunFolder) -> None:
    """Print the summary to standard output."""
    console().print(run_summary(record, folder))


def key_values(values: Mapping[str, Any]) -> Table:
    """Two columns, names and values."""
    table = Table(box=None, show_header=False, pad_edge=True)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in values.items():
        table.add_row(Text(str(name)), Text(words(value)))
    return table


def _style(record: Record, rule: str) -> str:
    if rule not in SELECTIONS:
        return "yellow"
    return "bold green" if rule == record.selection else ""


def _show_command(folder: RunFolder) -> str:
    root = folder.path.parent
    where = [] if root == Path(DEFAULT_ROOT) else ["--results", str(root)]
    return shlex.join(["gzslbench", "show", folder.id, *where])
