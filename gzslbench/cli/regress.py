"""gzslbench regress: compare a suite with its stored metrics."""

from __future__ import annotations

from pathlib import Path

import click

from gzslbench.cli.options import only_suite_runs_option

EPILOG = """\b
Examples:
  gzslbench regress
  gzslbench regress flo-lite0 --only eszsl --only cnzsl
  gzslbench regress mine.toml --stored mine.json --update --reason "first measurement"

The runs are computed again, in a new folder under ./results, unless --results names a folder that has them.
A mean has moved if it differs from the stored one by more than the suite's tolerance. By default that is
three standard deviations over the seeds, and at least three points. It is doubled if the stored metrics come
from another kind of device.

Exit status: 0 nothing moved; 1 something did, or a run diverged; 2 something to fix; 130 interrupted.
"""


@click.command(epilog=EPILOG)
@click.argument("suite", default="digits")
@only_suite_runs_option
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    help="Store the runs there; finished ones are read, not run again, and interrupted ones continue."
    " [default: a new folder under ./results]",
)
@click.option(
    "--stored",
    type=click.Path(path_type=Path),
    help="The file of stored metrics. [default: bundled with the suite, or the .json next to its .toml]",
)
@click.option("--update", is_flag=True, help="Store the new metrics; the rest of the file stays.")
@click.option("--reason", help="Why the stored metrics are replaced; --update needs it.")
def regress(
    suite: str,
    only: tuple[str, ...],
    results: Path | None,
    stored: Path | None,
    update: bool,
    reason: str | None,
) -> None:
    """Run SUITE again and compare it with its stored metrics.

    SUITE is the name of a bundled suite, such as flo-lite0, or a .toml file. The default, digits, takes a
    minute and runs every method.
    """
    from gzslbench.report.tables import to_console
    from gzslbench.report.terminal.checks import changes_table, measured_table
    from gzslbench.report.terminal.printing import make_console
    from gzslbench.report.terminal.progress import watch_run
    from gzslbench.sweep.suites.measure import run_regress
    from gzslbench.sweep.suites.suite import load_suite

    loaded = load_suite(suite)
    result = run_regress(
        loaded, watch_run, only=only, results=results, stored=stored, update=update, reason=reason
    )
    out = make_console()
    out.print(to_console(measured_table(result.measured)))
    out.print()
    out.print(to_console(changes_table(loaded.name, result.changes)))
    if update:
        click.echo(f"stored in {result.file}")
    if result.diverged or (result.alarming and not update):
        raise SystemExit(1)
