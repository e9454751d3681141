"""gzslbench compare: our numbers next to published ones and to ours as they were stored."""

from __future__ import annotations

from pathlib import Path

import click

from gzslbench.cli.options import json_option, number_options, only_options, results_argument, results_folders
from gzslbench.cli.stored_runs import every_published_number, stored_entries
from gzslbench.errors import StoreError

EPILOG = """\b
Examples:
  gzslbench compare
  gzslbench compare --method ce-gzsl --dataset AWA2 --select test-peek
  gzslbench compare --tolerance 1 --json > compare.json

Where features, semantics, setting or parameters differ, the numbers are not compared, and the table says why.

Exit status: 0 all comparable numbers agree; 1 one does not agree; 2 an error.
"""


@click.command(epilog=EPILOG)
@results_argument
@only_options
@number_options
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    help="Percentage points that count as agreement. [default: 2]",
)
@json_option()
def compare(
    results: tuple[Path, ...],
    datasets: tuple[str, ...],
    methods: tuple[str, ...],
    rule: str,
    metric: str,
    tolerance: float | None,
    as_json: bool,
) -> None:
    """Compare the runs in RESULTS (folders; ./results by default) with published and stored numbers."""
    from gzslbench.plugins.registry import plugins
    from gzslbench.report.leaderboard.board import boards
    from gzslbench.report.leaderboard.comparison import DEFAULT_TOLERANCE, comparisons
    from gzslbench.report.leaderboard.tables import comparison_json, comparison_table
    from gzslbench.report.tables import to_console
    from gzslbench.report.terminal.printing import make_console
    from gzslbench.sweep.suites.baseline import stored_metrics

    tables, _ = boards(stored_entries(results, datasets, methods), rule, metric)
    if not tables:
        raise StoreError(
            f"no runs with a number by {rule!r}",
            where=", ".join(map(str, results_folders(results))),
            fix="run some first, or name the folders that hold runs; see gzslbench compare --help",
        )
    stored = stored_metrics([folder / "metrics" for folder in plugins().suites()], rule, metric)
    limit = DEFAULT_TOLERANCE if tolerance is None else tolerance
    found = comparisons(tables, every_published_number(), stored, limit)
    if as_json:
        click.echo(comparison_json(found), nl=False)
    else:
        make_console().print(to_console(comparison_table(found, rule, metric)))
    if any(comparison.verdict in ("lower", "higher") for comparison in found):
        raise SystemExit(1)
