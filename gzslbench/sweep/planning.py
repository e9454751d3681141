"""Which cells a suite has, which are done, and which would run; no data are read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gzslbench.errors import DataError, GzslBenchError, ParamError
from gzslbench.runs.cell import Cell
from gzslbench.runs.index import summaries
from gzslbench.runs.plan import Request, parse_request, read_task, resolve
from gzslbench.runs.store import Store
from gzslbench.runs.summary import Summary
from gzslbench.runs.task import Task
from gzslbench.sweep.known_tasks import KnownTasks
from gzslbench.sweep.suites.suite import Suite, SuiteRun

State = Literal["done", "diverged", "interrupted", "new", "unread", "impossible"]
TO_RUN: tuple[State, ...] = ("interrupted", "new")
WHY = {
    "done": "its record is there",
    "diverged": "its record is there, and says that it diverged",
    "interrupted": "it goes on from its checkpoint",
    "new": "nothing of it is there",
    "unread": "its data have not been read yet, so nothing that is there is known to be its",
}


@dataclass(frozen=True)
class Planned:
    """One cell of a suite.

    Attributes:
        name: Of its group.
        request: What to run, with one seed.
        cell: None where its data have not been read, or are not there.
        state: Whether it would run.
        why: In words.
        summary: Of its record, where there is one.
        gpus: The share of a GPU that its method takes.
    """

    name: str
    request: Request
    cell: Cell | None
    state: State
    why: str
    summary: Summary | None = None
    gpus: float = 0.0


def plan_sweep(suite: Suite, store: Store, known: KnownTasks) -> list[Planned]:
    """Every cell of ``suite`` once, in its order, with its state in ``store``.

    Raises:
        ParamError: A run asks for something that no data could give: an unknown parameter, say.
    """
    records = {summary.id: summary for summary in summaries(store)}
    begun = _folders(store.root)
    planned: dict[str, Planned] = {}
    for run in suite.runs:
        for each in _planned(run, known, store, records, begun):
            key = each.cell.id if each.cell is not None else f"{each.request}"
            planned.setdefault(key, each)
    return list(planned.values())


def read_unknown(planned: Sequence[Planned], known: KnownTasks) -> Iterator[str]:
    """Read the data of the tasks that are not known yet; yields the name of each once it is.

    Cells of a dataset that cannot be read are impossible from then on.
    """
    for each in planned:
        if each.state != "unread" or _is_known(each.request, known):
            continue
        try:
            dataset, task = read_task(each.request)
        except DataError as error:
            known.give_up(each.request, error)
            continue
        known.remember(each.request, task)
        yield f"{dataset.name}/{dataset.features_name}/{dataset.semantics_name}"


def _is_known(request: Request, known: KnownTasks) -> bool:
    try:
        return known.get(request) is not None
    except DataError:
        return True


def _planned(
    run: SuiteRun, known: KnownTasks, store: Store, records: dict[str, Summary], begun: frozenset[str]
) -> Iterator[Planned]:
    seeds = [replace(run.request, seeds=(seed,)) for seed in run.request.seeds or (0,)]
    try:
        task = known.get(run.request)
    except DataError as error:
        yield from (Planned(run.name, each, None, "impossible", str(error)) for each in seeds)
        return
    found = _resolved(run, task)
    if found is None:
        yield from (Planned(run.name, each, None, "unread", WHY["unread"]) for each in seeds)
        return
    cells, gpus = found
    for request, cell in zip(seeds, cells, strict=True):
        summary = records.get(cell.id)
        state = _state(cell, summary, store, begun)
        yield Planned(run.name, request, cell, state, WHY[state], summary, gpus)


def _resolved(run: SuiteRun, task: Task | None) -> tuple[Sequence[Cell], float] | None:
    """The run's cells and its method's share of a GPU; None where the task is not known.

    What can be wrong without any data is found all the same.
    """
    try:
        any_task = Task(run.request.dataset, run.request.semantics or "att", "")
        resolved = resolve(parse_request(run.request), task or any_task)
    except GzslBenchError as error:
        where = f"{run.where}: {error.where or run.name}"
        raise ParamError(error.what, where=where, fix=error.fix) from error
    return None if task is None else (resolved.cells, resolved.spec.gpu_share)


def _state(cell: Cell, summary: Summary | None, store: Store, begun: frozenset[str]) -> State:
    if summary is not None:
        return "diverged" if summary.status == "diverged" else "done"
    if cell.id in begun and any(store.run(cell.id).path.glob("checkpoint-*.pt")):
        return "interrupted"
    return "new"


def _folders(root: Path) -> frozenset[str]:
    """The names in the results folder, all at once: asking for each would take as long as reading records."""
    with suppress(OSError):
        return frozenset(entry.name for entry in os.scandir(root))
    return frozenset()
