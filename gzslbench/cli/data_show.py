"""gzslbench data show: what a dataset holds."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gzslbench.cli.options import (
    data_option,
    dataset_argument,
    features_option,
    json_option,
    semantics_option,
)


@click.command()
@dataset_argument
@features_option
@semantics_option
@data_option
@json_option()
def show(dataset: str, features: str | None, semantics: str | None, data: Path | None, as_json: bool) -> None:
    """Show sizes, split, fingerprints and notes of DATASET, and what made its semantics, if we did.

    DATASET is a name from `gzslbench datasets`, a folder of xlsa17 shape, or an imported .h5 file.
    """
    from gzslbench.data.load import load_dataset
    from gzslbench.data.summary import summarize

    found = summarize(load_dataset(dataset, features, semantics, data))
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        _print(found)


def _print(found: dict[str, object]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in found.items():
        table.add_row(name.replace("_", " "), Text(_in_words(value)))
    Console().print(table)


def _in_words(value: object) -> str:
    from gzslbench.report.terminal.printing import format_value

    if isinstance(value, dict):
        return "\n".join(f"{name} {format_value(each)}" for name, each in value.items()) or "none"
    if isinstance(value, list):
        return "\n".join(map(str, value)) or "none"
    return str(value)
