"""gzslbench data verify: check a dataset against itself and what is known of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.options import (
    data_option,
    dataset_argument,
    features_option,
    json_option,
    semantics_option,
)

if TYPE_CHECKING:
    from gzslbench.data.catalogue import Comparison


@click.command()
@dataset_argument
@features_option
@semantics_option
@data_option
@json_option()
def verify(
    dataset: str, features: str | None, semantics: str | None, data: Path | None, as_json: bool
) -> None:
    """Read all of DATASET, check it, and compare it with what is known of it.

    Exit status: 0 everything agrees; 2 something does not.
    """
    from gzslbench.data.verify import verify_dataset
    from gzslbench.errors import DataError

    found, lines = verify_dataset(dataset, features, semantics, data)
    if as_json:
        report = [vars(line) | {"agrees": line.agrees} for line in lines]
        click.echo(json.dumps({"task": found.task_id, "checks": report, "notes": found.notes}, indent=2))
    else:
        _print(found.task_id, lines, found.notes)
    differ = [line.what for line in lines if not line.agrees]
    if differ:
        raise DataError(
            f"{len(differ)} of {len(lines)} comparisons fail: {', '.join(differ)}",
            where=found.task_id,
            fix="get the files again, or keep these under another name: numbers on them are another task's",
        )


def _print(task: str, lines: list[Comparison], notes: tuple[str, ...]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("", "compared", "expected", "found", box=None, pad_edge=False)
    for line in lines:
        sign = Text("ok", "green") if line.agrees else Text("differs", "bold red")
        table.add_row(sign, Text(line.what), *(Text(_short(value)) for value in (line.expected, line.found)))
    console = Console()
    console.print(Text(task, "bold"))
    console.print(table)
    for note in notes:
        console.print(Text(f"note: {note}"))


def _short(value: str) -> str:
    """A checksum by its first digits; the JSON has all of them."""
    return f"{value[:12]}…" if len(value) == 64 else value
