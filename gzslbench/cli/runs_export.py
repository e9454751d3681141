"""gzslbench runs export: runs in one file."""

from __future__ import annotations

from pathlib import Path

import click

from gzslbench.cli.options import OutputFile
from gzslbench.errors import StoreError
from gzslbench.runs.store import DEFAULT_ROOT


@click.command()
@click.argument("runs", nargs=-1)
@click.option("--out", type=OutputFile(".zip"), required=True, help="The archive to write.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path(DEFAULT_ROOT),
    show_default=True,
    help="Where the runs are.",
)
def export(runs: tuple[str, ...], out: Path, results: Path) -> None:
    """Write RUNS (ids or beginnings of them; all by default) into one archive, for `runs import`.

    Records, predictions, metrics and logs travel; checkpoints stay.
    """
    from gzslbench.runs.bundle import write_bundle
    from gzslbench.runs.store import Store

    store = Store(results)
    folders = [store.find(run) for run in runs] if runs else store.runs()
    finished = [folder for folder in folders if folder.has_ended()]
    if len(finished) < len(folders) or not finished:
        unfinished = [folder.id for folder in folders if not folder.has_ended()]
        raise StoreError(
            f"run {unfinished[0]} has not ended" if unfinished else "there are no runs",
            where=results,
            fix="finish it with --resume, or name others" if unfinished else "name the folder with --results",
        )
    write_bundle(out, finished)
    click.echo(f"wrote {len(finished)} runs to {out} ({out.stat().st_size / 2**20:.1f} MiB)")
