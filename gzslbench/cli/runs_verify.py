"""gzslbench runs verify: whether runs bear themselves out."""

from __future__ import annotations

from pathlib import Path

import click

from gzslbench.cli.options import results_argument, results_folders


@click.command()
@results_argument
def verify(results: tuple[Path, ...]) -> None:
    """Check every run in RESULTS (folders; ./results by default).

    The id must be that of the settings, H the harmonic mean of U and S, and the metrics what the kept
    predictions come to: numbers edited by hand show here. Exit status: 0 all hold together, 1 one does not.
    """
    from gzslbench.runs.store import Store
    from gzslbench.runs.verify import complaints

    checked = wrong = 0
    for root in results_folders(results):
        for folder in Store(root).runs():
            found = complaints(folder)
            checked, wrong = checked + 1, wrong + bool(found)
            for each in found:
                click.echo(f"{folder.path}: {each}")
    click.echo(f"{checked} runs checked, {wrong} do not hold together")
    if wrong:
        raise SystemExit(1)
