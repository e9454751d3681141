"""The results folder: a folder of plain files per run, and an index of their records."""

from __future__ import annotations

import json
import os
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from gzslbench.errors import StoreError
from gzslbench.files import check_folder, is_there, make_folder, reading, writing
from gzslbench.runs.folder import LOCK, RECORD, RunFolder
from gzslbench.runs.record import Record, Summary

__all__ = ["DEFAULT_ROOT", "INDEX", "DamagedRecordWarning", "RunFolder", "Store", "read_summaries"]

DEFAULT_ROOT = "results"
INDEX = ".index.sqlite"
MAX_LISTED = 5
"""Ids that an error message lists."""
_VERSION = 2
"""Raised when a summary has other fields."""
_SCHEMA = "CREATE TABLE IF NOT EXISTS runs (name TEXT PRIMARY KEY, stamp TEXT, summary TEXT)"


class DamagedRecordWarning(UserWarning):
    """A record that cannot be read was left out."""


@dataclass(frozen=True)
class Store:
    """The runs under ``root``. Constructing a Store touches no disk."""

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))

    def make(self) -> None:
        """Make the folder if it is missing, and check that files can be written to it."""
        with writing(self.root, "the results folder cannot be written"):
            make_folder(self.root)

    def run(self, run: str) -> RunFolder:
        """Return the folder of the run with this id, whether or not it exists yet."""
        return RunFolder(self.root / run)

    def runs(self) -> list[RunFolder]:
        """Return every folder that contains a record, by name."""
        return self._folders_with(RECORD)

    def unfinished(self) -> list[RunFolder]:
        """Return every folder of a run that is interrupted or still running, by name."""
        return [folder for folder in self._folders_with(LOCK) if not folder.has_ended()]

    def records(self) -> Iterator[Record]:
        """Yield every good record, by run id; a damaged one is a DamagedRecordWarning that names it."""
        for folder in self.runs():
            record = _read_record(folder)
            if record is not None:
                yield record

    def find(self, run: str) -> RunFolder:
        """Find the run with this id, with an id that starts like this, or at this path.

        Unfinished runs are searched for the start of an id only if no finished run matches.

        Raises:
            StoreError: No run or several match, or a folder may not be read.
        """
        path = Path(run).parent if Path(run).name == RECORD else Path(run)
        for folder in (self.run(run), RunFolder(path)) if run else ():
            if folder.has_begun():
                return folder
        finished = [folder.id for folder in self.runs()]
        unfinished = [folder.id for folder in self.unfinished()]
        matches = _with_prefix(run, finished) or _with_prefix(run, unfinished)
        if len(matches) == 1:
            return self.run(matches[0])
        if matches:
            raise StoreError(
                f"{run!r} is the start of {len(matches)} ids",
                where=self.root,
                fix=f"give more of the id, for example {_list_some(matches)}",
            )
        raise StoreError(f"no run {run!r}", where=self.root, fix=_nearest(run, finished + unfinished))

    def _folders_with(self, file: str) -> list[RunFolder]:
        if not is_there(self.root, StoreError) or not self.root.is_dir():
            return []
        check_folder(self.root, StoreError)  # glob finds nothing in a folder that may not be read
        return [RunFolder(path.parent) for path in sorted(self.root.glob(f"*/{file}"))]


def _read_record(folder: RunFolder) -> Record | None:
    try:
        return folder.record()
    except StoreError as error:
        warnings.warn(f"left out: {error}", DamagedRecordWarning, stacklevel=3)
        return None


def _with_prefix(run: str, names: list[str]) -> list[str]:
    return [name for name in names if run and name.startswith(run)]


def _nearest(run: str, names: list[str]) -> str:
    if not names:
        return "name the folder of the runs with --results"
    likeness = {name: SequenceMatcher(None, run.lower(), name[: len(run)].lower()).ratio() for name in names}
    nearest = sorted(names, key=lambda name: -likeness[name])
    return f"nearest of {len(names)} runs: {_list_some(nearest)}"


def _list_some(names: list[str]) -> str:
    return ", ".join(names[:MAX_LISTED]) + (" …" if len(names) > MAX_LISTED else "")


def read_summaries(store: Store) -> list[Summary]:
    """Return the summary of every good record, by run id; a damaged one is a DamagedRecordWarning.

    Unchanged records come from the index, a file in the results folder that may be deleted at any time.

    Raises:
        StoreError: The results folder may not be read.
    """
    stamps = _stamps(store.root)
    indexed = dict(_read_index(store.root, stamps))
    new: dict[str, Summary] = {}
    for name in stamps:
        if name not in indexed and (record := _read_record(store.run(name))) is not None:
            new[name] = Summary.of(record)
    _update_index(store.root, stamps, new)
    found = indexed | new
    return [found[name] for name in sorted(found)]


def _stamps(root: Path) -> dict[str, str]:
    """Return, by the name of each folder with a record, a text that changes when its record does."""
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


def _read_index(root: Path, stamps: Mapping[str, str]) -> Iterator[tuple[str, Summary]]:
    """Yield the summaries in the index whose records are unchanged."""
    if not (root / INDEX).exists():
        return
    with suppress(sqlite3.Error, ValueError), closing(_open_index(root)) as index:
        for name, stamp, text in index.execute("SELECT name, stamp, summary FROM runs"):
            if stamps.get(name) == stamp:
                yield name, Summary.from_dict(json.loads(text))


def _update_index(root: Path, stamps: Mapping[str, str], new: Mapping[str, Summary]) -> None:
    """Add what was read to the index, and remove what is gone; another process waits meanwhile."""
    if not new and not (root / INDEX).exists():
        return
    with suppress(sqlite3.Error, OSError):
        rows = [(name, stamps[name], json.dumps(summary.as_dict())) for name, summary in new.items()]
        with closing(_open_index(root)) as index, index:
            gone = [(name,) for (name,) in index.execute("SELECT name FROM runs") if name not in stamps]
            index.executemany("DELETE FROM runs WHERE name = ?", gone)
            index.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", rows)


def _open_index(root: Path) -> sqlite3.Connection:
    """Open the index; it is emptied if another version wrote it, and replaced if it is damaged."""
    index = sqlite3.connect(root / INDEX, timeout=10)
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
        (root / INDEX).unlink()
        return _open_index(root)
    return index
