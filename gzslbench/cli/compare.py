"""gzslbench compare: our numbers next to published ones and to ours as they were stored."""

from __future__ import annotations

import click

from gzslbench.cli.options import json_option, number_options, option
from gzslbench.cli.stored_runs import RunFilter, all_published_numbers, run_filter

EPILOG = """\b
Examples:
  gzslbench compare
  gzslbench compare --method ce-gzsl --dataset AWA2 --select test-peek
  gzslbench compare --tolerance 1 --json > compare.json

Where features, semantics, setting or parameters differ, the numbers are not compared, and the table says why.

Exit status: 0 all comparable numbers agree; 1 one does not agree; 2 an error.
"""


@click.command(epilog=EPILOG)
@run_filter
@number_options
@option("--tolerance", "Percentage points that count as agreement.", click.FloatRange(min=0), default=2)
@json_option()
def compare(runs: RunFilter, rule: str, metric: str, tolerance: float, as_json: bool) -> None:
    """Compare the runs in RESULTS (folders; ./results by default) with published and stored numbers."""
    from gzslbench.plugins.registry import plugins
    from gzslbench.report.leaderboard.board import boards
    from gzslbench.report.leaderboard.comparison import comparisons
    from gzslbench.report.leaderboard.tables import comparison_json, comparison_table
    from gzslbench.report.tables import to_console
    from gzslbench.report.terminal.printing import make_console
    from gzslbench.sweep.suites.baseline import stored_metrics

    tables, _ = boards(runs.read()[0], rule, metric)
    if not tables:
        raise runs.no_runs(f"no runs with a number by {rule!r}")
    stored = stored_metrics([folder / "metrics" for folder in plugins().suites()], rule, metric)
    found = comparisons(tables, all_published_numbers(), stored, tolerance)
    if as_json:
        click.echo(comparison_json(found), nl=False)
    else:
        make_console().print(to_console(comparison_table(found, rule, metric)))
    if any(comparison.verdict in ("lower", "higher") for comparison in found):
        raise SystemExit(1)
