"""A cache of tasks next to the runs, so that a sweep knows the ids of its cells without reading data."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gzslbench._version import VERSION
from gzslbench.data.formats import xlsa17
from gzslbench.data.load import Place, default_features, find, missing_features
from gzslbench.errors import DataError
from gzslbench.files import write_atomically
from gzslbench.plugins.dataset import DatasetSpec
from gzslbench.runs.cell import Task
from gzslbench.runs.plan import Request, read_task

FILE = ".tasks.json"


class TaskCache:
    """The cached tasks of a results folder. An entry is valid until a file of its dataset changes."""

    def __init__(self, root: Path) -> None:
        self.file = root / FILE
        self._entries: dict[str, dict[str, Any]] = {}
        with suppress(OSError, ValueError):  # a damaged cache is only a slower start
            found = json.loads(self.file.read_text(encoding="utf-8"))
            self._entries = found if isinstance(found, dict) else {}
        self._stamps: dict[str, list[Any]] = {}
        self._unreadable: dict[str, DataError] = {}

    def get(self, request: Request) -> Task | None:
        """Get the task of a request; None if it was not read yet, or its files have changed.

        Raises:
            DataError: There is no such dataset, or its files are missing.
        """
        entry = self._entries.get(_key(request), {})
        if entry.get("stamp") != self._stamp(request):
            return None
        task = Task.from_dict(entry["task"])
        return None if request.select == "val" and task.validation is None else task

    def read(self, request: Request) -> tuple[Task, str]:
        """Read the data of a request, at most once if it fails; return its task and the data's name."""
        key, stamp = _key(request), self._stamp(request)
        if key in self._unreadable:
            raise self._unreadable[key]
        try:
            dataset, task = read_task(request)
        except DataError as error:
            self._unreadable[key] = error
            raise
        before = self._entries.get(key, {})
        if task.validation is None and before.get("stamp") == stamp:
            task = replace(task, validation=before["task"]["validation"])
        self._entries[key] = {"stamp": stamp, "task": task.as_dict()}
        self._write()
        return task, f"{dataset.name}/{dataset.features_name}/{dataset.semantics_name}"

    def forget(self, request: Request) -> None:
        """Drop the task of a request, so that it is read again."""
        if self._entries.pop(_key(request), None) is not None:
            self._write()

    def _write(self) -> None:
        write_atomically(self.file, json.dumps(self._entries, indent=1))

    def _stamp(self, request: Request) -> list[Any]:
        key = json.dumps([request.dataset, request.features, str(request.data)])
        if key not in self._stamps:
            self._stamps[key] = _stamp(find(request.dataset, request.data), request)
        return self._stamps[key]


def _key(request: Request) -> str:
    where = Path(request.dataset).resolve() if "/" in request.dataset else request.dataset.lower()
    data = None if request.data is None else str(Path(request.data).resolve())
    return json.dumps([str(where), data, request.features, request.semantics, request.shuffle_semantics])


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
    return [VERSION, *_file_stamps([*xlsa17.source_files(found.path, features), ours])]


def _file_stamps(files: Iterable[Path]) -> list[list[Any]]:
    stats = [(file, file.stat()) for file in files if file.is_file()]
    return [[str(file.resolve()), stat.st_size, stat.st_mtime_ns] for file, stat in stats]


def _source_file(function: str) -> list[Path]:
    """The file of ``package.module:function``."""
    spec = find_spec(function.partition(":")[0])
    return [Path(spec.origin)] if spec is not None and spec.origin is not None else []
