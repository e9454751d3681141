"""Find the cells of a suite, which of them are done, and which would run; no data are read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gzslbench.errors import DataError, GzslBenchError, ParamError
from gzslbench.runs.cell import Cell, Task
from gzslbench.runs.plan import Request, parse_request, read_task, resolve
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


def plan_sweep(suite: Suite, store: Store, cache: TaskCache) -> list[PlannedCell]:
    """Plan every cell of ``suite`` once, in the suite's order, with its state in ``store``.

    Raises:
        ParamError: A run is wrong with any data, for example by an unknown parameter.
    """
    records = {summary.id: summary for summary in read_summaries(store)}
    folders = _folders(store.root)
    planned: dict[str, PlannedCell] = {}
    for run in suite.runs:
        for one in _plan_run(run, cache, store, records, folders):
            key = one.cell.id if one.cell is not None else f"{one.request}"
            planned.setdefault(key, one)
    return list(planned.values())


def read_tasks(planned: Sequence[PlannedCell], cache: TaskCache) -> Iterator[str]:
    """Read the data of the tasks that are not in the cache yet. Yields the name of each that was read.

    From then on, the cells of a dataset that cannot be read are impossible.
    """
    for one in planned:
        if one.state != "unread" or _is_known(one.request, cache):
            continue
        try:
            dataset, task = read_task(one.request)
        except DataError as error:
            cache.mark_unreadable(one.request, error)
            continue
        cache.store(one.request, task)
        yield f"{dataset.name}/{dataset.features_name}/{dataset.semantics_name}"


def _is_known(request: Request, cache: TaskCache) -> bool:
    try:
        return cache.get(request) is not None
    except DataError:
        return True


def _plan_run(
    run: SuiteRun, cache: TaskCache, store: Store, records: dict[str, Summary], folders: frozenset[str]
) -> Iterator[PlannedCell]:
    seeds = [replace(run.request, seeds=(seed,)) for seed in run.request.seeds or (0,)]
    try:
        task = cache.get(run.request)
    except DataError as error:
        yield from (PlannedCell(run.name, request, None, "impossible", str(error)) for request in seeds)
        return
    found = _resolved(run, task)
    if found is None:
        yield from (PlannedCell(run.name, request, None, "unread", WHY["unread"]) for request in seeds)
        return
    cells, gpus = found
    for request, cell in zip(seeds, cells, strict=True):
        summary = records.get(cell.id)
        state = _state(cell, summary, store, folders)
        yield PlannedCell(run.name, request, cell, state, WHY[state], summary, gpus)


def _resolved(run: SuiteRun, task: Task | None) -> tuple[Sequence[Cell], float] | None:
    """Get the run's cells and its method's share of a GPU; None if the task is not known.

    Errors that do not depend on the data are found in any case.
    """
    try:
        any_task = Task(run.request.dataset, run.request.semantics or "att", "")
        resolved = resolve(parse_request(run.request), task or any_task)
    except GzslBenchError as error:
        where = f"{run.where}: {error.where or run.name}"
        raise ParamError(error.what, where=where, fix=error.fix) from error
    return None if task is None else (resolved.cells, resolved.spec.gpu_share)


def _state(cell: Cell, summary: Summary | None, store: Store, folders: frozenset[str]) -> State:
    if summary is not None:
        return "diverged" if summary.status == "diverged" else "done"
    if cell.id in folders and any(store.run(cell.id).path.glob("checkpoint-*.pt")):
        return "interrupted"
    return "new"


def _folders(root: Path) -> frozenset[str]:
    """List the names in the results folder, once: thousands of single looks are slow."""
    with suppress(OSError):
        return frozenset(entry.name for entry in os.scandir(root))
    return frozenset()
