"""gzslbench datasets: list the datasets, or describe one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gzslbench.cli.options import data_option, json_option

if TYPE_CHECKING:
    from gzslbench.plugins.dataset import DatasetSpec


@click.command()
@click.argument("name", required=False)
@data_option
@json_option()
def datasets(name: str | None, data: Path | None, as_json: bool) -> None:
    """List the datasets known by name and where they lie, or describe NAME."""
    from gzslbench.plugins.registry import plugins

    specs = plugins().datasets()
    if name is not None:
        described = _describe(_pick(name, specs), data)
        click.echo(json.dumps(described, indent=2)) if as_json else _print_one(described)
    elif as_json:
        click.echo(json.dumps([_describe(spec, data) for spec in specs.values()], indent=2))
    else:
        _print_all([_describe(spec, data) for spec in specs.values()])


def _pick(name: str, specs: dict[str, DatasetSpec]) -> DatasetSpec:
    from gzslbench.errors import DataError, did_you_mean

    by_name = {known.lower(): spec for known, spec in specs.items()}
    if name.lower() not in by_name:
        raise DataError(f"no dataset {name!r}", fix=did_you_mean(name, list(specs)))
    return by_name[name.lower()]


def _describe(spec: DatasetSpec, data: Path | None) -> dict[str, Any]:
    from gzslbench.data.locate import find_folder

    folder = None if spec.load else find_folder(spec.name, data)
    place = "built in" if spec.load else str(folder or "not found")
    return asdict(spec) | {"place": place}


def _print_all(described: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("name", "title", "features", "semantics", "place", box=None, pad_edge=False)
    for each in described:
        table.add_row(*(Text(each[key]) for key in ("name", "title", "features", "semantics", "place")))
    Console().print(table)
    click.echo("describe one: gzslbench datasets NAME; where they are looked for: --data or $GZSLBENCH_DATA")


def _print_one(described: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in _rows(described):
        table.add_row(name, Text(value))
    Console().print(table)


def _rows(described: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What is known, in words; what is not known is left out."""
    for name, value in described.items():
        if name == "expected":
            yield from _rows({f"expected {key}": each for key, each in (value or {}).items()})
        elif name == "archives":
            for archive in value:
                what = "images, with --images" if archive["images"] else "features and splits"
                yield "data fetch", f"{archive['url']} ({what})"
        elif isinstance(value, dict):
            yield name, "\n".join(f"{key} {each}" for key, each in value.items())
        elif value:
            yield name, str(value)
