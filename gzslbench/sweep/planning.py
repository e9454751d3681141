"""Find the cells of a suite, which of them are done, and which would run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gzslbench.errors import DataError, GzslBenchError, ParamError
from gzslbench.runs.cell import Cell, Task
from gzslbench.runs.plan import Request, Resolved, parse_request, resolve
from gzslbench.runs.record import Summary
from gzslbench.runs.store import Store, read_summaries
from gzslbench.sweep.suites.suite import Suite, SuiteRun
from gzslbench.sweep.task_cache import TaskCache

State = Literal["done", "diverged", "interrupted", "new", "unread", "impossible"]
TO_RUN: tuple[State, ...] = ("interrupted", "new")
WHY = {
    "done": "it has a record",
    "diverged": "it has a record, which says that it diverged",
    "interrupted": "it continues from its checkpoint",
    "new": "it was never started",
    "unread": "its data were not read yet, so its id is not known",
}


@dataclass(frozen=True)
class PlannedCell:
    """One cell of a suite.

    Attributes:
        name: Name of its group of runs.
        request: What to run, with one seed.
        cell: The cell; None if its data were not read yet or are missing.
        state: What is known of it, which says whether it would run.
        why: The reason, in words.
        summary: The summary of its record, if it has one.
        gpus: The share of a GPU that its method takes, from 0 to 1.
    """

    name: str
    request: Request
    cell: Cell | None
    state: State
    why: str
    summary: Summary | None = None
    gpus: float = 0.0

    @property
    def id(self) -> str:
        """The cell's id; a description if it is not known."""
        return self.cell.id if self.cell else f"{self.name}, seed {self.request.seeds[0]}"


def plan_sweep(
    suite: Suite, store: Store, cache: TaskCache, on_read: Callable[[str], None] | None = None
) -> list[PlannedCell]:
    """Plan every cell of ``suite`` once, in the suite's order, with its state in ``store``.

    If ``on_read`` is given, unknown tasks are read, and it is called with the name of each dataset.

    Raises:
        ParamError: A run is wrong with any data, for example by an unknown parameter.
    """
    records = {summary.id: summary for summary in read_summaries(store)}
    folders = _list_names(store.root)
    planned: dict[str, PlannedCell] = {}
    for run in suite.runs:
        seeds = [replace(run.request, seeds=(seed,)) for seed in run.request.seeds or (0,)]
        try:
            task = cache.get(run.request)
            if task is None and on_read is not None:
                task, name = cache.read(run.request)
                on_read(name)
        except DataError as error:
            cells = [PlannedCell(run.name, request, None, "impossible", str(error)) for request in seeds]
        else:
            cells = list(_plan_run(run, seeds, task, store, records, folders))
        for cell in cells:
            planned.setdefault(cell.cell.id if cell.cell else f"{cell.request}", cell)
    return list(planned.values())


def _plan_run(
    run: SuiteRun,
    seeds: list[Request],
    task: Task | None,
    store: Store,
    records: dict[str, Summary],
    folders: frozenset[str],
) -> Iterator[PlannedCell]:
    # Errors that do not depend on the data are found in any case.
    resolved = _resolve(run, task or Task(run.request.dataset, run.request.semantics or "att", ""))
    for request, cell in zip(seeds, resolved.cells, strict=True):
        if task is None:
            yield PlannedCell(run.name, request, None, "unread", WHY["unread"])
            continue
        summary = records.get(cell.id)
        state: State = "new"
        if summary is not None:
            state = "diverged" if summary.status == "diverged" else "done"
        elif cell.id in folders and any(store.run(cell.id).path.glob("checkpoint-*.pt")):
            state = "interrupted"
        yield PlannedCell(run.name, request, cell, state, WHY[state], summary, resolved.spec.gpu_share)


def _resolve(run: SuiteRun, task: Task) -> Resolved:
    try:
        return resolve(parse_request(run.request), task)
    except GzslBenchError as error:
        where = f"{run.where}: {error.where or run.name}"
        raise ParamError(error.what, where=where, fix=error.fix) from error


def _list_names(root: Path) -> frozenset[str]:
    """List the names in the results folder, once: thousands of single looks are slow."""
    with suppress(OSError):
        return frozenset(entry.name for entry in os.scandir(root))
    return frozenset()
