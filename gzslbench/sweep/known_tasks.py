"""Tasks that were read before, remembered beside the runs, so that cells have names before data are read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gzslbench._version import VERSION
from gzslbench.data.formats import xlsa17
from gzslbench.data.load import Place, default_features, find
from gzslbench.errors import DataError
from gzslbench.files import write_atomically
from gzslbench.plugins.dataset import DatasetSpec
from gzslbench.runs.plan import Request
from gzslbench.runs.task import Task

FILE = ".tasks.json"


class KnownTasks:
    """What is known of the tasks in a results folder, while the files they came from stay as they are."""

    def __init__(self, root: Path) -> None:
        self.file = root / FILE
        self._entries: dict[str, dict[str, Any]] = {}
        with suppress(OSError, ValueError):  # made anew at any time
            found = json.loads(self.file.read_text(encoding="utf-8"))
            self._entries = found if isinstance(found, dict) else {}
        self._stamps: dict[str, list[Any]] = {}
        self._unreadable: dict[str, DataError] = {}

    def get(self, request: Request) -> Task | None:
        """The task that is asked for, where its files are those that were read.

        Raises:
            DataError: There is no such dataset, its files are not there, or they could not be read.
        """
        key, stamp = _key(request), self._stamp(request)
        if key in self._unreadable:
            raise self._unreadable[key]
        entry = self._entries.get(key, {})
        if entry.get("stamp") != stamp:
            return None
        task = Task.from_dict(entry["task"])
        return None if request.select == "val" and task.validation is None else task

    def remember(self, request: Request, task: Task) -> None:
        """Keep a task that has been read.

        Raises:
            StoreError: It cannot be written.
        """
        key, stamp = _key(request), self._stamp(request)
        before = self._entries.get(key, {})
        if task.validation is None and before.get("stamp") == stamp:
            task = replace(task, validation=before["task"]["validation"])
        self._entries[key] = {"stamp": stamp, "task": task.as_dict()}
        self._write()

    def forget(self, request: Request) -> None:
        """Have the task read anew: it is not what it was.

        Raises:
            StoreError: It cannot be written.
        """
        if self._entries.pop(_key(request), None) is not None:
            self._write()

    def give_up(self, request: Request, error: DataError) -> None:
        """Raise ``error`` whenever the task is asked for again."""
        self._unreadable[_key(request)] = error

    def _write(self) -> None:
        write_atomically(self.file, json.dumps(self._entries, indent=1).encode())

    def _stamp(self, request: Request) -> list[Any]:
        asked = json.dumps([request.dataset, request.features, str(request.data)])
        if asked not in self._stamps:
            self._stamps[asked] = _stamp(find(request.dataset, request.data), request)
        return self._stamps[asked]


def _key(request: Request) -> str:
    where = Path(request.dataset).resolve() if "/" in request.dataset else request.dataset.lower()
    data = None if request.data is None else str(Path(request.data).resolve())
    return json.dumps(
        [str(where), data, request.features, request.semantics, request.shuffle_semantics], sort_keys=True
    )


def _stamp(found: DatasetSpec | Place, request: Request) -> list[Any]:
    """What changes when the files of a dataset do, or the program that makes it."""
    if isinstance(found, DatasetSpec):
        return [VERSION, found.load, *_of_files(_source(found.load))]
    if found.path.is_file():
        files = [found.path]
    else:
        features = request.features or default_features(found)
        ours, published = found.path / f"{features}.h5", found.path / f"{features}.mat"
        _check_there([ours, published], found, features)
        files = [*xlsa17.source_files(found.path, features), ours]
    return [VERSION, *_of_files(files)]


def _check_there(files: Sequence[Path], found: Place, features: str) -> None:
    if not any(file.is_file() for file in files):
        raise DataError(
            f"there are no features {features!r}",
            where=found.path,
            fix=f"`gzslbench data fetch {found.name}` has the published ones, where it is known;"
            " `gzslbench extract` computes others",
        )


def _of_files(files: Iterable[Path]) -> list[list[Any]]:
    stats = [(file, file.stat()) for file in files if file.is_file()]
    return [[str(file.resolve()), stat.st_size, stat.st_mtime_ns] for file, stat in stats]


def _source(function: str) -> list[Path]:
    """The file of ``package.module:function``."""
    spec = find_spec(function.partition(":")[0])
    return [Path(spec.origin)] if spec is not None and spec.origin is not None else []
