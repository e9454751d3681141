"""gzslbench sweep, regress and claims: run a suite, and judge its stored metrics."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from gzslbench.cli import options as opt
from gzslbench.cli.group import INTERRUPTED
from gzslbench.cli.options import NOT_NEGATIVE, PATH, POSITIVE, flag, option

SWEEP_EPILOG = """\b
Examples:
  gzslbench sweep digits --dry-run
  gzslbench sweep digits --jobs 2
  gzslbench sweep field --data ~/xlsa17/data --only ce-gzsl
  gzslbench sweep mine.toml --executor ray --address auto
  gzslbench sweep digits --status

SUITE is the name of a bundled suite or a .toml file, with [[runs]] written out and [[grids]] whose lists are
multiplied. A cell that has a record is not run again; an interrupted one continues from its checkpoint. If a
cell fails, the others continue: failures are listed at the end, the next sweep tries them again, and --failed
tries only them.

Ctrl-C saves the running cells and stops; a second Ctrl-C stops at once. The same command continues.
"""
REGRESS_EPILOG = """\b
Examples:
  gzslbench regress
  gzslbench regress flo-lite0 --only eszsl --only cnzsl
  gzslbench regress mine.toml --stored mine.json --update --reason "first"

The runs are computed again, in a new folder under ./results, unless --results names a folder that has them.
A mean has moved if it differs from the stored one by more than the suite's tolerance. By default that is
three standard deviations over the seeds, and at least three points. It is doubled if the stored metrics come
from another kind of device.
"""
CLAIMS_EPILOG = """\b
Examples:
  gzslbench claims
  gzslbench claims mine.toml --stored mine.json > claims.md

A claim names runs that should be better than other runs, in the [[claims]] of the suite. The table has the
means of both, and in how many seeds the claim holds. `gzslbench regress SUITE --update` stores the metrics.
"""
only_option = option(
    "--only", "Only runs with TEXT in their name; repeatable.", metavar="TEXT", multiple=True
)
stored_option = option(
    "--stored",
    "The file of stored metrics. [default: bundled with the suite, or the .json next to its .toml]",
    PATH,
)


@click.command(epilog=SWEEP_EPILOG)
@opt.suite_argument()
@only_option
@flag("--dry-run", "List the cells, which would run and why; read no data.")
@flag("--status", "Show the state of a sweep of SUITE, also of a running one.")
@flag("--failed", "Run only cells that failed when they were last tried.")
@opt.executor_options
@option("--jobs", "Number of cells at the same time. [default: what the machine can run]", POSITIVE)
@option("--threads", "Number of threads of a cell.", POSITIVE, default=1)
@option(
    "--gpus-per-cell",
    "The share of a GPU that a cell takes. [default: that of its method]",
    click.FloatRange(min=0, max=1, min_open=True),
)
@option("--timeout", "Seconds after which a cell is killed.", click.FloatRange(min=1))
@option(
    "--retries",
    "How often a cell starts again, from its checkpoint, after its process died.",
    NOT_NEGATIVE,
    default=2,
)
@opt.checkpoint_every_option
@opt.data_option
@opt.results_option()
def sweep(
    suite: str,
    only: tuple[str, ...],
    dry_run: bool,
    status: bool,
    failed: bool,
    executor: str,
    data: Path | None,
    results: Path,
    **options: Any,
) -> None:
    """Run the cells of SUITE that have no record yet, several at the same time."""
    from gzslbench.plugins.executor import Limits
    from gzslbench.report.printing import make_console, print_line
    from gzslbench.report.terminal import sweep as view
    from gzslbench.runs.store import Store
    from gzslbench.sweeps.executors import PluginExecutor
    from gzslbench.sweeps.planning import TaskCache, counts_line, plan_sweep
    from gzslbench.sweeps.runner import run_sweep
    from gzslbench.sweeps.suites.suite import load_suite
    from gzslbench.sweeps.sweep_log import SweepLog

    loaded, store = load_suite(suite), Store(results)
    if status:
        make_console().print(view.status_view(SweepLog(store.root, loaded.name).read()))
        return
    selected = loaded.select(only, data)
    if dry_run:
        planned = plan_sweep(selected, store, TaskCache(store.root))
        click.echo("\n".join([*view.plan_lines(planned), counts_line(planned)]))
        return
    limits = Limits(**opt.take_fields(Limits, options))
    result = run_sweep(
        selected,
        store,
        PluginExecutor(executor, limits),
        only_failed=failed,
        ship_data=limits.address is not None,
        say=print_line,
        **options,
    )
    console = make_console()
    for line in view.failure_lines(result.results, result.planned):
        console.print(line)
    if known := result.summaries():
        console.print(view.results_table(known))
    why = f" ({counts_line(result.not_run)})" if result.not_run else ""
    click.echo(f"{result.good} of {len(result.to_run)} cells run, {len(result.not_run)} not to be run{why}")
    if known:
        folder = "" if results == opt.DEFAULT_RESULTS else f" {shlex.quote(str(results))}"
        click.echo(f"next: gzslbench leaderboard{folder}")
    if result.stopped:
        raise SystemExit(INTERRUPTED)
    if not result.complete:
        raise SystemExit(1)


@click.command(epilog=REGRESS_EPILOG)
@opt.suite_argument(default="digits")
@only_option
@option(
    "--results",
    "Store the runs there; finished ones are read, not run again, and interrupted ones continue."
    " [default: a new folder under ./results]",
    PATH,
)
@stored_option
@flag("--update", "Store the new metrics; the rest of the file stays.")
@option("--reason", "Why the stored metrics are replaced; --update needs it.")
def regress(suite: str, update: bool, **options: Any) -> None:
    """Run SUITE again and compare it with its stored metrics.

    SUITE is the name of a bundled suite, such as flo-lite0, or a .toml file. The default, digits, takes a
    minute and runs every method.
    """
    from gzslbench.report.printing import make_console
    from gzslbench.report.tables import to_console
    from gzslbench.report.terminal.checks import changes_table, measured_table
    from gzslbench.report.terminal.progress import watch_run
    from gzslbench.sweeps.suites.measure import run_regress
    from gzslbench.sweeps.suites.suite import load_suite

    loaded = load_suite(suite)
    result = run_regress(loaded, watch_run, update=update, **options)
    console = make_console()
    console.print(to_console(measured_table(result.measured)), "")
    console.print(to_console(changes_table(loaded.name, result.changes)))
    if update:
        click.echo(f"stored in {result.file}")
    if result.diverged or (result.alarming and not update):
        raise SystemExit(1)


@click.command(epilog=CLAIMS_EPILOG)
@opt.suite_argument(default="flo-lite0-claims")
@stored_option
def claims(suite: str, stored: Path | None) -> None:
    """Print a Markdown table of what the stored metrics of SUITE say about its claims.

    SUITE is the name of a bundled suite or a .toml file; flo-lite0-claims by default. Nothing is run.
    """
    from gzslbench.sweeps.suites.baseline import baseline_file, claims_table, read_baseline
    from gzslbench.sweeps.suites.suite import load_suite

    loaded = load_suite(suite)
    groups = read_baseline(stored or baseline_file(loaded))
    runs = {name: group["runs"] for name, group in groups.items()}
    click.echo(claims_table(loaded.claims, runs), nl=False)
