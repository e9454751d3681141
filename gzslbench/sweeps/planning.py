"""Find the cells of a suite, which of them are done, and which would run.

A cache of tasks next to the runs tells the ids of the cells without reading data.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from gzslbench._version import VERSION
from gzslbench.data.attributes import attribute_files
from gzslbench.data.formats import xlsa17
from gzslbench.data.load import Place, default_features, find, missing_features
from gzslbench.errors import DataError, GzslBenchError, ParamError
from gzslbench.files import read_file, write_atomically
from gzslbench.plugins.dataset import DatasetSpec
from gzslbench.runs.cell import Cell, Task
from gzslbench.runs.plan import (
    ParsedRequest,
    Request,
    Resolved,
    calibrates_apart,
    needs_validation,
    parse_request,
    read_task,
    resolve,
)
from gzslbench.runs.record import Summary
from gzslbench.runs.store import Store, read_summaries
from gzslbench.sweeps.suites.suite import Suite

State = Literal["done", "diverged", "interrupted", "new", "unread", "impossible"]
STATES: tuple[State, ...] = get_args(State)
TASKS = ".tasks.json"
TO_RUN: tuple[State, ...] = ("interrupted", "new")
WHY = {
    "done": "there is a record",
    "diverged": "the record says that the run diverged",
    "interrupted": "continues from a checkpoint",
    "new": "never started",
    "unread": "the data were not read yet, so no id is known; a sweep reads them first",
}


@dataclass(frozen=True)
class PlannedCell:
    """One cell of a suite.

    Attributes:
        name: Name of its group of runs.
        request: What to run, with one seed.
        cell: None if its data were not read yet or are missing.
        why: The reason of ``state``, in words.
        summary: That of its record, if it has one.
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
    folders = frozenset(path.name for path in store.root.glob("*"))  # thousands of single looks are slow
    planned: dict[str, PlannedCell] = {}
    for run in suite.runs:
        seeds = [replace(run.request, seeds=(seed,)) for seed in run.request.seeds or (0,)]
        unknown: tuple[State, str] = ("unread", WHY["unread"])
        try:
            task, resolved = _resolve(run.request, cache, on_read)
        except DataError as error:
            task, unknown = None, ("impossible", str(error))
        except GzslBenchError as error:
            where = f"{run.where}: {error.where or run.name}"
            raise ParamError(error.what, where=where, fix=error.fix) from error
        if task is None:
            for request in seeds:
                planned.setdefault(f"{request}", PlannedCell(run.name, request, None, *unknown))
            continue
        for request, cell in zip(seeds, resolved.cells, strict=True):
            summary = records.get(cell.id)
            state: State = "new"
            if summary is not None:
                state = "diverged" if summary.status == "diverged" else "done"
            elif cell.id in folders and store.run(cell.id).has_checkpoint():
                state = "interrupted"
            found = PlannedCell(run.name, request, cell, state, WHY[state], summary, resolved.spec.gpu_share)
            planned.setdefault(cell.id, found)
    return list(planned.values())


def _resolve(
    request: Request, cache: TaskCache, on_read: Callable[[str], None] | None
) -> tuple[Task | None, Resolved]:
    """Return the task, None if it was not read, and the cells, whose ids are right only with a task."""
    parsed = parse_request(request)
    task = cache.get(parsed)
    if task is None and on_read is not None:
        task, name = cache.read(parsed)
        on_read(name)
    # Errors that do not depend on the data are found in any case.
    return task, resolve(parsed, task or Task(request.dataset, request.semantics or "att", ""))


def counts_line(planned: Sequence[PlannedCell]) -> str:
    """Return how many cells are in which state."""
    counts = Counter(cell.state for cell in planned)
    return ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state]) or "no cells"


class TaskCache:
    """The cached tasks of a results folder. An entry is valid until a file of its dataset changes."""

    def __init__(self, root: Path) -> None:
        self.file = root / TASKS
        self._entries: dict[str, tuple[list[Any], Task]] = {}
        with suppress(OSError, ValueError, RecursionError):  # a damaged cache is only a slower start
            self._entries = msgspec.json.decode(read_file(self.file), type=dict[str, tuple[list[Any], Task]])
        self._stamps: dict[str, list[Any]] = {}
        self._unreadable: dict[str, DataError] = {}

    def get(self, parsed: ParsedRequest) -> Task | None:
        """Get the task of a request; None if it was not read yet, or its files have changed.

        Raises:
            DataError: There is no such dataset, or its files are missing.
        """
        stamp, task = self._entries.get(_key(parsed), (None, None))
        if stamp != self._stamp(parsed.request) or task is None:
            return None
        is_incomplete = task.validation is None and needs_validation(parsed, task.dataset, task.semantics)
        return None if is_incomplete else task

    def read(self, parsed: ParsedRequest) -> tuple[Task, str]:
        """Read the data of a request, at most once if it fails; return its task and the data's name."""
        key, stamp = _key(parsed), self._stamp(parsed.request)
        if key in self._unreadable:
            raise self._unreadable[key]
        try:
            dataset, task, _ = read_task(parsed)
        except DataError as error:
            self._unreadable[key] = error
            raise
        before = self._entries.get(key)
        if task.validation is None and before is not None and before[0] == stamp:
            task = replace(task, validation=before[1].validation)
        self._entries[key] = stamp, task
        self._write()
        return task, f"{dataset.name}/{dataset.features_name}/{dataset.semantics_name}"

    def forget(self, request: Request) -> None:
        """Drop the task of a request, so that it is read again."""
        if self._entries.pop(_key(parse_request(request)), None) is not None:
            self._write()

    def _write(self) -> None:
        write_atomically(self.file, msgspec.json.encode(self._entries))

    def _stamp(self, request: Request) -> list[Any]:
        key = json.dumps([request.dataset, request.features, str(request.data)])
        if key not in self._stamps:
            self._stamps[key] = _stamp(find(request.dataset, request.data), request)
        return self._stamps[key]


def _key(parsed: ParsedRequest) -> str:
    request, spec = parsed.request, parsed.spec
    where = Path(request.dataset).resolve() if "/" in request.dataset else request.dataset.lower()
    data = None if request.data is None else str(Path(request.data).resolve())
    names = [str(where), data, request.features, request.semantics, request.shuffle_semantics]
    # Methods that read other parts of the same data have another task.
    if spec.features != "global" or spec.attributes:
        names += [spec.features, f"{spec.attributes}", request.control]
    if request.validation_features is not None:
        names.append(f"validation {request.validation_features}")
    # Gamma may be chosen on more validation splits than the epochs are: then the task is another entry.
    return json.dumps([*names, "calibrated"] if calibrates_apart(request) else names)


def _stamp(found: DatasetSpec | Place, request: Request) -> list[Any]:
    """Values that change when the files of a dataset change, or the program that generates it."""
    if isinstance(found, DatasetSpec):
        return [VERSION, found.load, *_file_stamps(_source_file(found.load))]
    if found.path.is_file():
        return [VERSION, *_file_stamps([found.path])]
    features = request.features or default_features(found)
    ours, published = found.path / f"{features}.h5", found.path / f"{features}.mat"
    if not ours.is_file() and not published.is_file():
        raise missing_features(found, features, request.data)
    vectors = [found.path / f"{name}.csv" for name in attribute_files(found.path)]
    return [VERSION, *_file_stamps([*xlsa17.source_files(found.path, features), ours, *vectors])]


def _file_stamps(files: Iterable[Path]) -> list[list[Any]]:
    stats = [(file, file.stat()) for file in files if file.is_file()]
    return [[str(file.resolve()), stat.st_size, stat.st_mtime_ns] for file, stat in stats]


def _source_file(function: str) -> list[Path]:
    """The file of ``package.module:function``."""
    spec = find_spec(function.partition(":")[0])
    return [Path(spec.origin)] if spec is not None and spec.origin is not None else []
