"""gzslbench show: all that is known of a run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gzslbench.errors import StoreError
from gzslbench.results.store import DEFAULT_ROOT, Store


@click.command()
@click.argument("run")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=DEFAULT_ROOT,
    show_default=True,
    help="Where records are kept.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the record as it is stored.")
def show(run: str, results: Path, as_json: bool) -> None:
    """Show RUN: a run's id, the beginning of one, or a run's folder."""
    from gzslbench.reporting.console import console, run_description

    folder = Store(results).find(run)
    record = folder.record()
    if record is None:
        raise StoreError(f"run {folder.id} has no record", where=folder.path, fix="go on with it by --resume")
    if as_json:
        click.echo(json.dumps(record.as_dict(), indent=2))
    else:
        console().print(run_description(record, folder))
