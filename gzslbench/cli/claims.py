"""gzslbench claims: what stored metrics say of papers' claims."""

from __future__ import annotations

from pathlib import Path

import click

DEFAULT_SUITE = "flo-lite0-claims"


@click.command()
@click.argument("suite", default=DEFAULT_SUITE)
@click.option("--stored", type=click.Path(path_type=Path), help="The stored metrics. [default: bundled]")
def claims(suite: str, stored: Path | None) -> None:
    """Print, as Markdown, what the stored metrics of SUITE say of the claims in it; nothing is run."""
    from gzslbench.cli.regress import stored_file
    from gzslbench.sweep.suites.claim import judged, table
    from gzslbench.sweep.suites.stored import read_stored
    from gzslbench.sweep.suites.suite import load_suite

    loaded = load_suite(suite)
    groups = read_stored(stored or stored_file(loaded))
    runs = {name: group["runs"] for name, group in groups.items()}
    click.echo(table(list(judged(loaded.claims, runs))), nl=False)
