"""A sweep: what is planned goes to an executor, and what comes of it into the journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gzslbench.plugins.executor import Ended, Event, Executor, Failure, Job, Started
from gzslbench.runs.dataset_handle import CarriedDataset
from gzslbench.runs.store import Store
from gzslbench.sweep.executors.factory import stop_on_signals
from gzslbench.sweep.journal import Journal, this_process
from gzslbench.sweep.planning import Planned
from gzslbench.sweep.work import WORK, argument_of

SPARE = 1.25
"""Of the memory that a like cell took: what the next one is expected to take."""


@dataclass(frozen=True)
class Result:
    """What became of a cell that was run.

    Attributes:
        planned: The cell.
        told: Its status, task and H; empty where it failed.
        failure: Why it has no record.
        seconds: Wall time of the last attempt.
    """

    planned: Planned
    told: Mapping[str, Any]
    failure: Failure | None
    seconds: float


class View(Protocol):
    """Whoever looks on."""

    def started(self, planned: Planned, where: str, attempt: int) -> None:
        """A cell was begun, perhaps again."""
        ...

    def ended(self, result: Result) -> None:
        """A cell came to its end."""
        ...

    def stopping(self) -> None:
        """The user asked to stop; a signal handler calls it."""
        ...


def sweep(
    cells: Sequence[Planned],
    executor: Executor,
    store: Store,
    journal: Journal,
    view: View,
    checkpoint_every: int = 10,
    memory: int = 0,
    carry: bool = False,
) -> list[Result]:
    """Run ``cells``; each record is in the store when its result is told.

    The first Ctrl-C lets what runs save and begins nothing more; the second ends it at once.

    Args:
        cells: Those to run; each has a cell.
        executor: Who runs them.
        store: Of all records.
        journal: Held by this process.
        view: Is told of each beginning and end.
        checkpoint_every: Epochs between checkpoints.
        memory: Bytes that a cell is expected to take on the host.
        carry: Send the data along, for machines that may not have them.

    Raises:
        DataError: Data to be sent along cannot be read.
        ExecutorError: The executor cannot go on.
        StoreError: The journal cannot be written.
    """
    by_id = {_id(each): each for each in cells}
    datasets = {each: each for each in (CarriedDataset.of(cell.request) for cell in cells)}
    jobs = [
        Job(
            name,
            WORK,
            argument_of(each.request, name, checkpoint_every),
            gpus=each.gpus if each.cell is not None and each.cell.device == "cuda" else 0.0,
            memory=memory,
            folder=store.run(name).path.absolute(),
            shared={"dataset": datasets[CarriedDataset.of(each.request)]} if carry else {},
        )
        for name, each in by_id.items()
    ]
    results = []
    with stop_on_signals(executor, view.stopping):
        for event in executor.run(jobs):
            planned = by_id[event.job]
            _write(journal, event)
            if isinstance(event, Started):
                view.started(planned, event.where, event.attempt)
            else:
                results.append(Result(planned, told_of(event), event.failure, event.seconds))
                view.ended(results[-1])
    return results


def begin(journal: Journal, planned: Sequence[Planned], chosen: Sequence[Planned]) -> None:
    """Write what a sweep found when it began, and how many cells of it are to run."""
    counts = Counter(each.state for each in planned)
    told = {"counts": dict(counts), "total": len(planned), "to_run": len(chosen)}
    journal.write("begun", who=this_process(), **told)


def expected_memory(planned: Sequence[Planned]) -> int:
    """Bytes that a cell will take on the host, by the largest finished one of a CPU; 0 without any."""
    known = [
        each.summary.run.get("peak_memory_bytes") or 0
        for each in planned
        if each.summary is not None and each.summary.cell["device"] == "cpu"
    ]
    return int(SPARE * max(known, default=0))


def told_of(ended: Ended) -> dict[str, Any]:
    """The little of a result that a view and a journal show."""
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


def _id(planned: Planned) -> str:
    assert planned.cell is not None
    return planned.cell.id


def _write(journal: Journal, event: Event) -> None:
    if isinstance(event, Started):
        journal.write("started", cell=event.job, where=event.where, attempt=event.attempt)
    elif event.failure is None:
        journal.write("ended", cell=event.job, seconds=round(event.seconds, 3), told=told_of(event))
    elif event.failure.kind == "stopped":
        journal.write("stopped", cell=event.job, seconds=round(event.seconds, 3))
    else:
        failure = f"{event.failure.kind}: {event.failure.what}"
        journal.write("ended", cell=event.job, seconds=round(event.seconds, 3), failure=failure)
