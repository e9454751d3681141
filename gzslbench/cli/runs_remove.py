"""gzslbench runs remove: away with runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from gzslbench.files import writing
from gzslbench.runs.store import DEFAULT_ROOT


@click.command()
@click.argument("runs", nargs=-1, required=True)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path(DEFAULT_ROOT),
    show_default=True,
    help="Where they are.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(runs: tuple[str, ...], results: Path, yes: bool) -> None:
    """Remove RUNS (ids, or beginnings that only one id has) with all their files.

    A run that another process holds is left alone.
    """
    from gzslbench.runs.store import Store

    store = Store(results)
    folders = [store.find(run) for run in runs]
    for folder in folders:
        click.echo(folder.path)
    if not yes:
        click.confirm(f"remove {'these' if len(folders) > 1 else 'this'} for good?", abort=True)
    for folder in folders:
        with folder.lock(), writing(folder.path, "the run cannot be removed"):
            shutil.rmtree(folder.path)
    click.echo(f"removed {len(folders)}")
