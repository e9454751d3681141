"""Run a sweep: plan the cells of a suite, run those without a record, and log what happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Protocol

from gzslbench.plugins.executor import Ended, Event, Executor, Failure, Job, Started
from gzslbench.runs.plan import DatasetHandle
from gzslbench.runs.store import Store
from gzslbench.runs.tracking import resolve_trackers
from gzslbench.sweep.cell_job import WORK, cell_argument
from gzslbench.sweep.executors.factory import stop_on_signals
from gzslbench.sweep.planning import TO_RUN, PlannedCell, plan_sweep, read_tasks
from gzslbench.sweep.suites.suite import Suite
from gzslbench.sweep.sweep_log import SweepLog, this_process
from gzslbench.sweep.task_cache import TaskCache

MEMORY_MARGIN = 1.25
"""Factor on the memory that the largest finished cell took: what a cell is expected to take."""


@dataclass(frozen=True)
class CellResult:
    """What became of a cell that was run.

    Attributes:
        planned: The cell.
        headline: Its status, task, H and failure; empty if it has no record.
        failure: Why it has no record; None if it has one.
        seconds: Wall time of the last attempt.
    """

    planned: PlannedCell
    headline: Mapping[str, Any]
    failure: Failure | None
    seconds: float

    @property
    def good(self) -> bool:
        """Whether it has a record, and did not diverge."""
        return self.failure is None and self.headline.get("status") != "diverged"


@dataclass(frozen=True)
class SweepResult:
    """What became of a sweep.

    Attributes:
        planned: All cells of the suite, as they were before.
        to_run: The cells that were to run.
        results: One for each cell that ended.
    """

    planned: Sequence[PlannedCell]
    to_run: Sequence[PlannedCell]
    results: Sequence[CellResult]

    @property
    def good(self) -> int:
        """Number of cells that were run and did not diverge."""
        return sum(result.good for result in self.results)

    @property
    def not_run(self) -> list[PlannedCell]:
        """The cells that were not to run: done, impossible, or not selected."""
        ids = {_id(cell) for cell in self.to_run}
        return [cell for cell in self.planned if cell.cell is None or cell.cell.id not in ids]

    @property
    def stopped(self) -> bool:
        """Whether the user stopped it."""
        kinds = {result.failure.kind for result in self.results if result.failure is not None}
        return "stopped" in kinds or len(self.results) < len(self.to_run)

    @property
    def complete(self) -> bool:
        """Whether every cell has a record, and none diverged; ``only_failed`` may have left some to do."""
        bad = ("impossible", "diverged", "unread")
        return self.good == len(self.to_run) and not any(cell.state in bad for cell in self.planned)


class SweepView(Protocol):
    """Shows a sweep while it runs."""

    def started(self, planned: PlannedCell, where: str, attempt: int) -> None:
        """A cell has started; ``attempt`` counts from 1."""
        ...

    def ended(self, result: CellResult) -> None:
        """A cell has ended."""
        ...

    def stopping(self) -> None:
        """The user asked to stop. A signal handler calls this."""
        ...


OpenView = Callable[[Sequence[PlannedCell], Sequence[PlannedCell]], AbstractContextManager[SweepView]]
"""Gets all cells and those to run, and shows what happens until the context ends."""


class SilentView:
    """A view that shows nothing."""

    def started(self, planned: PlannedCell, where: str, attempt: int) -> None:
        """Show nothing."""

    def ended(self, result: CellResult) -> None:
        """Show nothing."""

    def stopping(self) -> None:
        """Show nothing."""


def run_sweep(
    suite: Suite,
    store: Store,
    executor: Executor,
    *,
    only_failed: bool = False,
    gpus_per_cell: float | None = None,
    checkpoint_every: int = 10,
    ship_data: bool = False,
    open_view: OpenView = lambda _planned, _to_run: nullcontext(SilentView()),
    on_read: Callable[[str], None] = lambda _name: None,
) -> SweepResult:
    """Run the cells of ``suite`` that have no record in ``store``.

    The first Ctrl-C starts no more cells and lets the running ones save; the second one ends them at once.
    The same call continues a sweep that was stopped or killed.

    Args:
        suite: The cells.
        store: Where records are read and written.
        executor: What runs the cells, for example ``LocalExecutor(Limits(jobs=2))``.
        only_failed: Run only cells that failed when they were last tried.
        gpus_per_cell: The share of a GPU that a cell takes, from 0 to 1; None leaves it to each method.
        checkpoint_every: Epochs between two checkpoints.
        ship_data: Send the datasets along, for machines that may not have them.
        open_view: What shows the sweep.
        on_read: Is called with the name of each dataset that has been read for planning.

    Raises:
        ParamError: A run of the suite cannot be resolved.
        DataError: A dataset that is to be sent cannot be read.
        ExecutorError: The executor cannot go on.
        StoreError: The store cannot be written, or another sweep of the suite is running.
    """
    resolve_trackers()
    store.make()
    log = SweepLog(store.root, suite.name)
    with log.open():
        planned = _plan(suite, store, on_read)
        failed = log.read().failed if only_failed else None
        to_run = [
            cell if gpus_per_cell is None else replace(cell, gpus=gpus_per_cell)
            for cell in planned
            if cell.state in TO_RUN and (failed is None or _id(cell) in failed)
        ]
        counts = Counter(cell.state for cell in planned)
        log.write("begun", who=this_process(), counts=dict(counts), total=len(planned), to_run=len(to_run))
        with open_view(planned, to_run) as view, stop_on_signals(executor, view.stopping):
            jobs = _jobs(to_run, store, checkpoint_every, expected_memory(planned), ship_data)
            results = list(_run(to_run, jobs, executor, log, view))
    return SweepResult(planned, to_run, results)


def _plan(suite: Suite, store: Store, on_read: Callable[[str], None]) -> list[PlannedCell]:
    """Plan the sweep; read the data of tasks that are not known yet."""
    cache = TaskCache(store.root)
    planned = plan_sweep(suite, store, cache)
    if any(cell.state == "unread" for cell in planned):
        for name in read_tasks(planned, cache):
            on_read(name)
        planned = plan_sweep(suite, store, cache)
    return planned


def _jobs(
    cells: Sequence[PlannedCell], store: Store, checkpoint_every: int, memory: int, ship_data: bool
) -> list[Job]:
    # Cells of one dataset share one object, so that an executor sends it to a machine once.
    datasets = {handle: handle for handle in (DatasetHandle.of(cell.request) for cell in cells)}
    return [
        Job(
            _id(cell),
            WORK,
            cell_argument(cell.request, _id(cell), checkpoint_every),
            gpus=cell.gpus if cell.cell is not None and cell.cell.device == "cuda" else 0.0,
            memory=memory,
            folder=store.run(_id(cell)).path.absolute(),
            shared={"dataset": datasets[DatasetHandle.of(cell.request)]} if ship_data else {},
        )
        for cell in cells
    ]


def _run(
    cells: Sequence[PlannedCell], jobs: Sequence[Job], executor: Executor, log: SweepLog, view: SweepView
) -> Iterable[CellResult]:
    by_id = {_id(cell): cell for cell in cells}
    for event in executor.run(jobs):
        _log_event(log, event)
        if isinstance(event, Started):
            view.started(by_id[event.job], event.where, event.attempt)
        else:
            result = CellResult(by_id[event.job], _headline(event), event.failure, event.seconds)
            view.ended(result)
            yield result


def expected_memory(planned: Sequence[PlannedCell]) -> int:
    """Estimate the bytes of host memory that a cell takes by the finished ones on a CPU; 0 without any."""
    peaks = [
        cell.summary.run.peak_memory_bytes or 0
        for cell in planned
        if cell.summary is not None and cell.summary.cell.device == "cpu"
    ]
    return int(MEMORY_MARGIN * max(peaks, default=0))


def _headline(ended: Ended) -> dict[str, Any]:
    """What views and logs show of a record."""
    if ended.result is None:
        return {}
    record = ended.result["record"]
    metrics = record["metrics"].get(record["selection"], {})
    return {
        "status": record["status"],
        "task": record["task"]["id"],
        "H": metrics.get("H"),
        "failure": record.get("failure"),
    }


def _id(planned: PlannedCell) -> str:
    assert planned.cell is not None
    return planned.cell.id


def _log_event(log: SweepLog, event: Event) -> None:
    if isinstance(event, Started):
        log.write("started", cell=event.job, where=event.where, attempt=event.attempt)
        return
    seconds = round(event.seconds, 3)
    if event.failure is None:
        log.write("ended", cell=event.job, seconds=seconds, told=_headline(event))
    elif event.failure.kind == "stopped":
        log.write("stopped", cell=event.job, seconds=seconds)
    else:
        failure = f"{event.failure.kind}: {event.failure.what}"
        log.write("ended", cell=event.job, seconds=seconds, failure=failure)
