"""gzslbench runs import: runs that somebody else made."""

from __future__ import annotations

from pathlib import Path

import click

from gzslbench.runs.store import DEFAULT_ROOT


@click.command(name="import")
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path(DEFAULT_ROOT),
    show_default=True,
    help="Where they go.",
)
def import_(source: Path, results: Path) -> None:
    """Take in the runs of SOURCE, an archive that `runs export` wrote or a folder of runs.

    Each is checked as by `runs verify`; one that does not hold together is refused, by name, and the others
    are taken. None replaces another. Exit status: 0 all taken or there already, 1 one was refused.
    """
    from gzslbench.runs.receiving import receive
    from gzslbench.runs.store import Store

    received = receive(source, Store(results))
    for run, wrong in received.refused.items():
        for each in wrong:
            click.echo(f"refused {run}: {each}")
    click.echo(
        f"{len(received.taken)} taken, {len(received.there)} there already, {len(received.refused)} refused"
    )
    if received.refused:
        raise SystemExit(1)
