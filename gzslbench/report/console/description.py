"""What a record says besides its metrics, section by section."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gzslbench.runs.record import Record
from gzslbench.runs.store import RunFolder

_LONG = ("class_names", "files", "notes")


def sections(record: Record) -> dict[str, Mapping[str, Any]]:
    """By title, names and values; a section may be empty."""
    cell = dict(record.cell)
    params = cell.pop("params", {})
    task = {name: value for name, value in record.task.items() if name not in _LONG}
    notes = {f"note {i}": note for i, note in enumerate(record.task.get("notes") or [], 1)}
    run = {name: value for name, value in record.run.items() if name != "command"}
    return {
        "settings": {**cell, "setting": record.setting},
        "parameters": params,
        "task": {**task, **notes},
        "data files (sha256)": record.task.get("files") or {},
        "validation": record.validation or {},
        "failure": record.failure or {},
        "environment": {**run, "parameters trained": record.parameters},
    }


def files(folder: RunFolder) -> dict[str, Path]:
    """The files of a run by name."""
    return {path.name: path for path in sorted(folder.path.iterdir()) if path.name != "lock"}


def words(value: Any) -> str:
    """A value of JSON as a reader writes it."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {words(part)}" for name, part in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(words(part) for part in value)
    return str(value)
