"""gzslbench sweep: run the cells of a suite, several at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.group import INTERRUPTED
from gzslbench.cli.options import (
    address_option,
    checkpoint_every_option,
    data_option,
    executor_option,
    only_suite_runs_option,
    results_option,
)

if TYPE_CHECKING:
    from gzslbench.sweep.planning import PlannedCell
    from gzslbench.sweep.runner import SweepView

EPILOG = """\b
Examples:
  gzslbench sweep digits --dry-run
  gzslbench sweep digits --jobs 2
  gzslbench sweep field --data ~/xlsa17/data --only ce-gzsl
  gzslbench sweep mine.toml --executor ray --address auto
  gzslbench sweep digits --status

SUITE is the name of a bundled suite or a .toml file, with [[runs]] written out and [[grids]] whose lists are
multiplied. A cell that has a record is not run again; an interrupted one continues from its checkpoint. If a
cell fails, the others go on: failures are listed at the end, the next sweep tries them again, and --failed
tries only them.

Ctrl-C saves the running cells and stops; a second Ctrl-C stops at once. The same command continues.

Exit status: 0 every cell has a good record; 1 some have none, or diverged; 2 something to fix;
130 interrupted.
"""


@click.command(epilog=EPILOG)
@click.argument("suite")
@only_suite_runs_option
@click.option("--dry-run", is_flag=True, help="List the cells, which would run and why; read no data.")
@click.option("--status", is_flag=True, help="Show the state of a sweep of SUITE, also of a running one.")
@click.option("--failed", is_flag=True, help="Run only cells that failed when they were last tried.")
@executor_option
@address_option
@click.option(
    "--jobs", type=click.IntRange(min=1), help="Number of cells at once. [default: what the machine can run]"
)
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Number of threads of a cell."
)
@click.option(
    "--gpus-per-cell",
    type=click.FloatRange(min=0, max=1, min_open=True),
    help="The share of a GPU that a cell takes. [default: that of its method]",
)
@click.option("--timeout", type=click.FloatRange(min=1), help="Seconds after which a cell is killed.")
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    help="How often a cell starts again, from its checkpoint, after its process died.",
)
@checkpoint_every_option
@data_option
@results_option()
def sweep(
    suite: str,
    only: tuple[str, ...],
    dry_run: bool,
    status: bool,
    failed: bool,
    executor: str,
    address: str | None,
    jobs: int | None,
    threads: int,
    gpus_per_cell: float | None,
    timeout: float | None,
    retries: int,
    checkpoint_every: int,
    data: Path | None,
    results: Path,
) -> None:
    """Run the cells of SUITE that have no record yet, several at once."""
    from gzslbench.plugins.executor import Limits
    from gzslbench.report.terminal.printing import make_console
    from gzslbench.report.terminal.sweep import (
        SweepLines,
        counts_line,
        failure_lines,
        plan_lines,
        status_view,
    )
    from gzslbench.runs.store import Store
    from gzslbench.sweep.executors.factory import make_executor
    from gzslbench.sweep.planning import plan_sweep
    from gzslbench.sweep.runner import run_sweep
    from gzslbench.sweep.suites.suite import load_suite
    from gzslbench.sweep.sweep_log import SweepLog
    from gzslbench.sweep.task_cache import TaskCache

    loaded, store = load_suite(suite), Store(results)
    if status:
        make_console().print(status_view(SweepLog(store.root, loaded.name).read()))
        return
    selected = loaded.select(only, data)
    if dry_run:
        planned = plan_sweep(selected, store, TaskCache(store.root))
        click.echo("\n".join([*plan_lines(planned), counts_line(planned)]))
        return

    def open_view(
        planned: Sequence[PlannedCell], to_run: Sequence[PlannedCell]
    ) -> AbstractContextManager[SweepView]:
        click.echo(counts_line(planned), err=True)
        return nullcontext(SweepLines(len(to_run)))

    result = run_sweep(
        selected,
        store,
        make_executor(executor, Limits(jobs, threads, timeout, retries, address)),
        only_failed=failed,
        gpus_per_cell=gpus_per_cell,
        checkpoint_every=checkpoint_every,
        ship_data=address is not None,
        open_view=open_view,
        on_read=lambda name: click.echo(f"read {name}", err=True),
    )
    for line in failure_lines(result.results, result.planned):
        make_console().print(line)
    why = f" ({counts_line(result.not_run)})" if result.not_run else ""
    click.echo(f"{result.good} of {len(result.to_run)} cells run, {len(result.not_run)} not to be run{why}")
    if result.stopped:
        raise SystemExit(INTERRUPTED)
    if not result.complete:
        raise SystemExit(1)
