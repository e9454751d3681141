"""The runs of a store, at once: their summaries, kept in a file that can be made anew at any time."""

from __future__ import annotations

import json
import os
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path

from gzslbench.errors import StoreError
from gzslbench.files import reading
from gzslbench.runs.folder import RECORD, RunFolder
from gzslbench.runs.record import Summary
from gzslbench.runs.store import DamagedRecordWarning, Store

FILE = ".index.sqlite"
_VERSION = 2
_SCHEMA = "CREATE TABLE IF NOT EXISTS runs (name TEXT PRIMARY KEY, stamp TEXT, summary TEXT)"
Stamps = Mapping[str, str]


def summaries(store: Store) -> list[Summary]:
    """Every good record's summary, by run id; a damaged one is a DamagedRecordWarning that names it.

    Records that have not changed since they were last listed are taken from the index beside them. Where
    that cannot be written, or is damaged, all are read.

    Raises:
        StoreError: The results folder may not be read.
    """
    stamps = _stamps(store.root)
    known = dict(_known(store.root, stamps))
    found = dict(known)
    for name in stamps:
        if name not in known and (summary := _read(store, name)) is not None:
            found[name] = summary
    new = {name: summary for name, summary in found.items() if name not in known}
    _keep(store.root, stamps, new)
    return [found[name] for name in sorted(found)]


def _stamps(root: Path) -> dict[str, str]:
    """By the name of each folder with a record, what changes when its record does."""
    stamps: dict[str, str] = {}
    if not root.is_dir():
        return stamps
    with reading(root, StoreError):
        names = [entry.name for entry in os.scandir(root)]
    for name in names:
        with suppress(OSError):
            state = os.stat(f"{root}/{name}/{RECORD}")  # noqa: PTH116 - a Path takes as long as the call itself
            stamps[name] = f"{state.st_mtime_ns} {state.st_size} {state.st_ino}"
    return stamps


def _known(root: Path, stamps: Stamps) -> Iterator[tuple[str, Summary]]:
    """The summaries in the index whose records are still the same."""
    if not (root / FILE).exists():
        return
    with suppress(sqlite3.Error, ValueError), closing(_opened(root)) as index:
        for name, stamp, text in index.execute("SELECT name, stamp, summary FROM runs"):
            if stamps.get(name) == stamp:
                yield name, Summary.from_dict(json.loads(text))


def _read(store: Store, name: str) -> Summary | None:
    try:
        record = RunFolder(store.root / name).record()
    except StoreError as error:
        warnings.warn(f"left out: {error}", DamagedRecordWarning, stacklevel=4)
        return None
    return None if record is None else Summary.of(record)


def _keep(root: Path, stamps: Stamps, new: Mapping[str, Summary]) -> None:
    """Add to the index what was read, and take out what is gone; whoever comes at the same time waits."""
    if not new and not (root / FILE).exists():
        return
    with suppress(sqlite3.Error, OSError):
        rows = [(name, stamps[name], json.dumps(summary.as_dict())) for name, summary in new.items()]
        with closing(_opened(root)) as index, index:
            gone = [(name,) for (name,) in index.execute("SELECT name FROM runs") if name not in stamps]
            index.executemany("DELETE FROM runs WHERE name = ?", gone)
            index.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", rows)


def _opened(root: Path) -> sqlite3.Connection:
    """The index, empty where another version or an accident left something else."""
    index = sqlite3.connect(root / FILE, timeout=10)
    try:
        if index.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            index.execute("DROP TABLE IF EXISTS runs")
            index.execute(f"PRAGMA user_version = {_VERSION}")
        index.execute(_SCHEMA)
    except sqlite3.OperationalError:  # locked, or it may not be written
        index.close()
        raise
    except sqlite3.DatabaseError:
        index.close()
        (root / FILE).unlink()
        return _opened(root)
    return index
