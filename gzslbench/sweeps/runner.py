"""Run a sweep: plan the cells of a suite, run those without a record, and log what happens."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gzslbench.errors import StoreError
from gzslbench.plugins.executor import Event, Executor, Failure, Job, Started
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.plan import DatasetHandle, Request, make_plan
from gzslbench.runs.record import Record, Summary
from gzslbench.runs.store import Store
from gzslbench.runs.tracking import resolve_trackers
from gzslbench.sweeps.executors import stop_on_signals
from gzslbench.sweeps.planning import TO_RUN, PlannedCell, TaskCache, counts_line, plan_sweep
from gzslbench.sweeps.suites.suite import Suite
from gzslbench.sweeps.sweep_log import SweepLog, this_process

Say = Callable[[str], None]
WORK = f"{__name__}:run_cell_job"
STOPPING = b"stopping: running cells are saved first; Ctrl-C again stops at once\n"
MEMORY_MARGIN = 1.25
"""Factor on the memory that the largest finished cell took: what a cell is expected to take."""


@dataclass(frozen=True)
class CellResult:
    """What became of a cell that was run: its record, or why it has none; wall time of the last attempt."""

    planned: PlannedCell
    record: Record | None
    failure: Failure | None
    seconds: float

    @property
    def good(self) -> bool:
        """Whether it has a record, and did not diverge."""
        return self.record is not None and self.record.status == "complete"


@dataclass(frozen=True)
class SweepResult:
    """What became of a sweep: all cells as they were before, those to run, and results of the ended ones."""

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
        ids = {cell.id for cell in self.to_run}
        return [cell for cell in self.planned if cell.id not in ids]

    def summaries(self) -> list[tuple[str, Summary]]:
        """Return the names and summaries of all cells that have a record, in the suite's order."""
        new = {result.planned.id: result.record for result in self.results if result.record is not None}
        found = ((cell.name, new.get(cell.id) or cell.summary) for cell in self.planned)
        return [(name, summary) for name, summary in found if summary is not None]

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


def run_sweep(
    suite: Suite,
    store: Store,
    executor: Executor,
    *,
    only_failed: bool = False,
    gpus_per_cell: float | None = None,
    checkpoint_every: int = 10,
    ship_data: bool = False,
    say: Say = lambda _line: None,
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
        say: Is called with a line about each cell that starts or ends.

    Raises:
        ParamError: A run of the suite cannot be resolved.
        DataError: A dataset that is to be sent cannot be read.
        ExecutorError: The executor cannot continue; a PluginError if it breaks its contract.
        StoreError: The store cannot be written, or another sweep of the suite is running.
    """
    resolve_trackers()
    store.make()
    log, cache = SweepLog(store.root, suite.name), TaskCache(store.root)
    with log.open():
        planned = plan_sweep(suite, store, cache)  # finds wrong parameters before any data are read
        if any(cell.state == "unread" for cell in planned):
            planned = plan_sweep(suite, store, cache, lambda name: say(f"read {name}"))
        failed = log.read().failed if only_failed else None
        to_run = [cell for cell in planned if cell.state in TO_RUN and (failed is None or cell.id in failed)]
        counts = Counter(cell.state for cell in planned)
        log.write("begun", who=this_process(), counts=dict(counts), total=len(planned), to_run=len(to_run))
        say(counts_line(planned))
        # Cells of one dataset share one object, so that an executor sends it to a machine once.
        handles = [DatasetHandle.of(cell.request) for cell in to_run]
        datasets = {handle: handle for handle in handles}
        memory = expected_memory(planned)
        jobs = [
            Job(
                cell.id,
                WORK,
                cell_argument(cell.request, cell.id, checkpoint_every),
                gpus=_gpu_share(cell, gpus_per_cell),
                memory=memory,
                folder=store.run(cell.id).path.absolute(),
                shared={"dataset": datasets[handle]} if ship_data else {},
            )
            for cell, handle in zip(to_run, handles, strict=True)
        ]
        # not print(): the signal may have interrupted one
        with stop_on_signals(executor, lambda: os.write(2, STOPPING)):
            results = list(_follow(executor.run(jobs), {cell.id: cell for cell in to_run}, store, log, say))
    return SweepResult(planned, to_run, results)


def _follow(
    events: Iterator[Event], cells: Mapping[str, PlannedCell], store: Store, log: SweepLog, say: Say
) -> Iterator[CellResult]:
    """Log and say what happens. Yields the result of each cell that ends."""
    ended, began = 0, time.monotonic()
    for event in events:
        cell = cells[event.job]
        if isinstance(event, Started):
            log.write("started", cell=cell.id, where=event.where, attempt=event.attempt)
            again = f", attempt {event.attempt}" if event.attempt > 1 else ""
            say(f"started {cell.id} ({cell.name}; {event.where}{again})")
            continue
        failure = event.failure  # what counts is the stored record, not what the executor says of it
        record = store.run(cell.id).record() if failure is None else None
        if record is None and failure is None:
            failure = Failure("died", "the executor reports a result, but there is no record of it")
        result = CellResult(cell, record, failure, event.seconds)
        stopped = failure is not None and failure.kind == "stopped"
        why = {} if failure is None or stopped else {"failure": f"{failure.kind}: {failure.what}"}
        log.write("stopped" if stopped else "ended", cell=cell.id, seconds=round(event.seconds, 3), **why)
        if stopped:
            say(f"stopped {cell.id}: the next sweep continues it")
        else:
            ended += 1
            left = time_left(len(cells), ended, time.monotonic() - began)
            say(f"{_outcome(result)}  [{ended}/{len(cells)}{left and f', {left}'}]")
        yield result


def _outcome(result: CellResult) -> str:
    name, failure, record = result.planned.id, result.failure, result.record
    if failure is not None:
        return f"{failure.kind:7} {name}: {failure.what.partition(chr(10))[0]}"
    outcome = f"H {record.headline.H:.1f}, {record.reported}" if record and record.headline else "diverged"
    return f"done    {name}: {outcome} in {result.seconds:.1f} s"


def time_left(total: int, ended: int, elapsed: float) -> str:
    """Say how long the rest takes at the pace so far; empty if no cell or every cell has ended."""
    if not 0 < ended < total:
        return ""
    seconds = (total - ended) * elapsed / ended
    return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"about {seconds:.0f} s left"


def expected_memory(planned: Sequence[PlannedCell]) -> int:
    """Estimate the bytes of host memory that a cell takes by the finished ones on a CPU; 0 without any."""
    summaries = [cell.summary for cell in planned if cell.summary is not None]
    peaks = [summary.run.peak_memory_bytes or 0 for summary in summaries if summary.cell.device == "cpu"]
    return int(MEMORY_MARGIN * max(peaks, default=0))


def _gpu_share(planned: PlannedCell, requested: float | None) -> float:
    if planned.cell is None or planned.cell.device != "cuda":
        return 0.0
    return planned.gpus if requested is None else requested


def cell_argument(request: Request, cell: str, checkpoint_every: int) -> dict[str, Any]:
    """The argument of ``run_cell_job``, in plain JSON types; ``cell`` is the id that the cell must have."""
    return {"request": request.for_a_worker(), "cell": cell, "checkpoint_every": checkpoint_every}


def run_cell_job(argument: Mapping[str, Any]) -> dict[str, Any]:
    """Run a cell in a worker process, continue it, or read its record, which is returned and in the store.

    The argument is that of ``cell_argument`` with the ``folder`` of the run, and optionally its ``dataset``.
    """
    request, root = Request.from_json(argument["request"]), Path(argument["folder"]).parent
    plan = make_plan(request, argument.get("dataset"))
    (cell,) = plan.cells
    if cell.id != argument["cell"]:
        TaskCache(root).forget(request)
        what = f"the cell is now {cell.id}: its data changed after the sweep was planned"
        raise StoreError(what, where=argument["cell"], fix="repeat the command, which plans again")
    options = Options(resume=True, checkpoint_every=argument["checkpoint_every"])
    record, _folder = run_cell(plan, cell, Store(root), options)
    return {"record": record.as_dict()}
