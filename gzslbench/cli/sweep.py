"""gzslbench sweep: the cells of a suite, several at once, whatever dies on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.group import INTERRUPTED
from gzslbench.cli.options import address_option, data_option, executor_option
from gzslbench.errors import ParamError
from gzslbench.runs.store import DEFAULT_ROOT

if TYPE_CHECKING:
    from gzslbench.plugins.executor import Executor
    from gzslbench.runs.store import Store
    from gzslbench.sweep.journal import Journal
    from gzslbench.sweep.known_tasks import KnownTasks
    from gzslbench.sweep.planning import Planned
    from gzslbench.sweep.suites.suite import Suite
    from gzslbench.sweep.sweeping import Result

EPILOG = """\b
Examples:
  gzslbench sweep digits --dry-run
  gzslbench sweep digits --jobs 2
  gzslbench sweep field --data ~/xlsa17/data --only ce-gzsl
  gzslbench sweep mine.toml --executor ray --address auto
  gzslbench sweep digits --status

SUITE is a bundled one or a .toml, with [[runs]] written out and [[grids]] whose lists are products. Cells
that have a record are not run again; interrupted ones go on from their checkpoint. One that fails stops no
other: failures are listed at the end, the next sweep tries them again, and --failed tries them alone.

Ctrl-C lets what runs save, and stops; a second one stops at once. The same command goes on where it was.

Exit status: 0 every cell has a good record; 1 some have none, or diverged; 2 something to mend;
130 interrupted.
"""


@click.command(epilog=EPILOG)
@click.argument("suite")
@click.option("--only", metavar="TEXT", multiple=True, help="Only runs with TEXT in their name; repeatable.")
@click.option("--dry-run", is_flag=True, help="Print the cells, and which would run and why; read no data.")
@click.option("--status", is_flag=True, help="Print what a sweep of SUITE, perhaps elsewhere, has come to.")
@click.option("--failed", is_flag=True, help="Run only cells that failed when they were last tried.")
@executor_option
@address_option
@click.option("--jobs", type=click.IntRange(min=1), help="Cells at once. [default: as there is room]")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Of each cell.")
@click.option(
    "--gpus-per-cell",
    type=click.FloatRange(min=0, max=1, min_open=True),
    help="The share of a GPU. [default: what the method says]",
)
@click.option("--timeout", type=click.FloatRange(min=1), help="Seconds after which a cell is killed.")
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    help="How often a cell whose process died is begun again, from its checkpoint.",
)
@click.option("--checkpoint-every", type=click.IntRange(min=0), default=10, show_default=True, help="Epochs.")
@data_option
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path(DEFAULT_ROOT),
    show_default=True,
    help="Where records are kept.",
)
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
    from gzslbench.report.terminal.sweep import counts_line, failure_lines, plan_lines, status_view
    from gzslbench.runs.store import Store
    from gzslbench.runs.tracking import asked as asked_trackers
    from gzslbench.sweep.executors.factory import make_executor
    from gzslbench.sweep.journal import Journal
    from gzslbench.sweep.known_tasks import KnownTasks
    from gzslbench.sweep.planning import plan_sweep
    from gzslbench.sweep.suites.suite import load_suite
    from gzslbench.sweep.sweeping import begin

    loaded, store = load_suite(suite), Store(results)
    journal = Journal(store.root, loaded.name)
    if status:
        make_console().print(status_view(journal.read()))
        return
    asked = _asked(loaded, only, data)
    known = KnownTasks(store.root)
    if dry_run:
        planned = plan_sweep(asked, store, known)
        click.echo("\n".join([*plan_lines(planned), counts_line(planned)]))
        return
    asked_trackers()
    store.make()
    runner = make_executor(executor, Limits(jobs, threads, timeout, retries, address))
    with journal.held():
        planned = _read_and_plan(asked, store, known)
        chosen = _to_run(planned, set(journal.read().failed) if failed else None, gpus_per_cell)
        begin(journal, planned, chosen)
        click.echo(counts_line(planned), err=True)
        done = _run(planned, chosen, runner, store, journal, checkpoint_every, address is not None)
    for line in failure_lines(done, planned):
        make_console().print(line)
    _close(planned, chosen, done)


def _asked(suite: Suite, only: Sequence[str], data: Path | None) -> Suite:
    runs = [run for run in suite.runs if not only or any(text in run.name for text in only)]
    if not runs:
        names = dict.fromkeys(run.name for run in suite.runs)
        raise ParamError(
            f"no runs of {suite.name!r} have {' or '.join(map(repr, only))} in their name",
            where="--only",
            fix=f"the names are: {', '.join(names)}",
        )
    if data is not None:
        runs = [replace(run, request=replace(run.request, data=data)) for run in runs]
    return replace(suite, runs=tuple(runs))


def _read_and_plan(suite: Suite, store: Store, known: KnownTasks) -> list[Planned]:
    from gzslbench.sweep.planning import plan_sweep, read_unknown

    planned = plan_sweep(suite, store, known)
    if any(each.state == "unread" for each in planned):
        for name in read_unknown(planned, known):
            click.echo(f"read {name}", err=True)
        planned = plan_sweep(suite, store, known)
    return planned


def _to_run(planned: Sequence[Planned], failed: set[str] | None, share: float | None) -> list[Planned]:
    from gzslbench.sweep.planning import TO_RUN

    chosen = [
        each
        for each in planned
        if each.state in TO_RUN and each.cell and (failed is None or each.cell.id in failed)
    ]
    return chosen if share is None else [replace(each, gpus=share) for each in chosen]


def _run(
    planned: Sequence[Planned],
    chosen: Sequence[Planned],
    executor: Executor,
    store: Store,
    journal: Journal,
    checkpoint_every: int,
    carry: bool,
) -> list[Result]:
    from gzslbench.report.terminal.sweep import sweep_view
    from gzslbench.sweep.sweeping import expected_memory
    from gzslbench.sweep.sweeping import sweep as run_all

    if not chosen:
        return []
    with sweep_view(planned, len(chosen)) as view:
        memory = expected_memory(planned)
        return run_all(chosen, executor, store, journal, view, checkpoint_every, memory, carry)


def _close(planned: Sequence[Planned], chosen: Sequence[Planned], results: Sequence[Result]) -> None:
    """The last line, and the exit status."""
    from gzslbench.report.terminal.sweep import counts_line

    good = sum(result.failure is None and result.told.get("status") != "diverged" for result in results)
    ids = {each.cell.id for each in chosen if each.cell}
    rest = [each for each in planned if each.cell is None or each.cell.id not in ids]
    why = f" ({counts_line(rest)})" if rest else ""
    click.echo(f"{good} of {len(chosen)} cells run, {len(rest)} not to be run{why}")
    stopped = len(results) < len(chosen) or any(
        result.failure is not None and result.failure.kind == "stopped" for result in results
    )
    if stopped:
        raise SystemExit(INTERRUPTED)
    if good < len(chosen) or any(each.state in ("impossible", "diverged", "unread") for each in planned):
        raise SystemExit(1)
