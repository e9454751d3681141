"""gzslbench claims: what stored metrics say about the claims of papers."""

from __future__ import annotations

from pathlib import Path

import click

DEFAULT_SUITE = "flo-lite0-claims"


@click.command()
@click.argument("suite", default=DEFAULT_SUITE)
@click.option(
    "--stored", type=click.Path(path_type=Path), help="The file of stored metrics. [default: bundled]"
)
def claims(suite: str, stored: Path | None) -> None:
    """Print a Markdown table of what the stored metrics of SUITE say about its claims; nothing is run."""
    from gzslbench.sweep.suites.baseline import baseline_file, read_baseline
    from gzslbench.sweep.suites.claim import claims_table, judge_claims
    from gzslbench.sweep.suites.suite import load_suite

    loaded = load_suite(suite)
    groups = read_baseline(stored or baseline_file(loaded))
    runs = {name: group["runs"] for name, group in groups.items()}
    click.echo(claims_table(list(judge_claims(loaded.claims, runs))), nl=False)
