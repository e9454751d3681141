"""What a measured suite says of the claims in it: ``python -m gzslbench_benchmarks.claims flo-lite0-claims``.

Prints a Markdown table from the stored metrics; nothing is run. docs/claims.md holds it.
"""

from __future__ import annotations

from pathlib import Path

import click

from gzslbench.errors import GzslBenchError
from gzslbench_benchmarks.claim import judged, table
from gzslbench_benchmarks.measure import METRICS
from gzslbench_benchmarks.stored import read_stored
from gzslbench_benchmarks.suite import load_suite


def verdicts_table(suite: str, stored: Path | None = None) -> str:
    """The verdicts of the suite's claims, from the metrics ``stored`` of it, as a Markdown table.

    Raises:
        GzslBenchError: There is no such suite, or nothing is stored of it.
    """
    loaded = load_suite(suite)
    groups = read_stored(stored or METRICS / f"{loaded.name}.json")
    runs = {name: group["runs"] for name, group in groups.items()}
    return table(list(judged(loaded.claims, runs)))


@click.command()
@click.argument("suite")
@click.option("--stored", type=click.Path(path_type=Path), help="[default: metrics/SUITE.json]")
def claims(suite: str, stored: Path | None) -> None:
    """Print what the stored metrics of SUITE say of its claims."""
    try:
        click.echo(verdicts_table(suite, stored), nl=False)
    except GzslBenchError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    claims()
