"""The results folder: a folder of plain files per run, and an index of their records."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import msgspec

from gzslbench.errors import StoreError, shorten
from gzslbench.files import atomic_path, check_folder, is_path_part, is_there, make_folder, reading, writing
from gzslbench.runs.folder import LOCK, RECORD, RunFolder
from gzslbench.runs.record import Summary

__all__ = ["DEFAULT_ROOT", "INDEX", "DamagedRecordWarning", "RunFolder", "Store", "read_summaries"]

DEFAULT_ROOT = "results"
LATEST = "latest"
"""What ``Store.find`` takes for the finished run that was started last."""
INDEX = ".index-5.json"
"""Its name has a number that is raised when a summary has other fields."""


class DamagedRecordWarning(UserWarning):
    """A record that cannot be read was left out."""


def require_folders(paths: Iterable[Path]) -> None:
    """Raise a StoreError unless each of these folders of runs is there."""
    for path in paths:
        if not path.is_dir():
            fix = "name a folder of runs, or run something first"
            raise StoreError("there is no such folder of runs", where=path.absolute(), fix=fix)


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
        if not is_path_part(run):
            fix = "choose a name without slashes, and without a dot at its start"
            raise StoreError(f"{run!r} cannot be the name of a folder", where=self.root, fix=fix)
        return RunFolder(self.root / run)

    def runs(self) -> list[RunFolder]:
        """Return every folder that contains a record, by name."""
        return self._folders_with(RECORD)

    def unfinished(self) -> list[RunFolder]:
        """Return every folder of a run that is interrupted or still running, by name."""
        return [folder for folder in self._folders_with(LOCK) if not folder.has_ended()]

    def find(self, run: str) -> RunFolder:
        """Find the run with this id, with an id that starts like this, or at this path.

        ``latest`` is the finished run that was started last.
        """
        if run == LATEST:
            return self._latest()
        path = Path(run).parent if Path(run).name == RECORD else Path(run)
        for folder in (RunFolder(self.root / run), RunFolder(path)) if run else ():
            if folder.has_begun():
                return folder
        finished = [folder.id for folder in self.runs()]
        unfinished = [folder.id for folder in self.unfinished()]
        matches = [name for name in finished if run and name.startswith(run)]
        matches = matches or [name for name in unfinished if run and name.startswith(run)]
        if len(matches) == 1:
            return self.run(matches[0])
        if matches:
            fix = f"give more of the id, for example {', '.join(shorten(matches, 5))}"
            raise StoreError(f"{run!r} is the start of {len(matches)} ids", where=self.root, fix=fix)
        raise StoreError(f"no run {run!r}", where=self.root, fix=_nearest(run, finished + unfinished))

    def _latest(self) -> RunFolder:
        found = read_summaries(self)
        if not found:
            fix = "name the folder of the runs with --results"
            raise StoreError("there is no stored run", where=self.root, fix=fix)
        return self.run(max(found, key=lambda summary: (summary.run.started or "", summary.id)).id)

    def _folders_with(self, file: str) -> list[RunFolder]:
        if not is_there(self.root, StoreError) or not self.root.is_dir():
            return []
        check_folder(self.root, StoreError)  # glob finds nothing in a folder that may not be read
        folders = sorted(path.parent for path in self.root.glob(f"*/{file}"))
        return [RunFolder(folder) for folder in folders if is_path_part(folder.name)]


def _nearest(run: str, names: list[str]) -> str:
    if not names:
        return "name the folder of the runs with --results"
    likeness = {name: SequenceMatcher(None, run.lower(), name[: len(run)].lower()).ratio() for name in names}
    nearest = sorted(names, key=lambda name: -likeness[name])
    return f"nearest of {len(names)} runs: {', '.join(shorten(nearest, 5))}"


def read_summaries(store: Store) -> list[Summary]:
    """Return the summary of every good record, by run id; a damaged one is a DamagedRecordWarning."""
    stamps, index = _stamps(store.root), store.root / INDEX
    known: dict[str, tuple[str, Summary]] = {}
    with suppress(OSError, ValueError, RecursionError):  # missing, damaged or without permission
        content = index.read_bytes() if index.is_file() else b"{}"
        known = msgspec.json.decode(content, type=dict[str, tuple[str, Summary]])
    found: dict[str, tuple[str, Summary]] = {}
    for name, stamp in sorted(stamps.items()):
        if name in known and known[name][0] == stamp:
            found[name] = known[name]
            continue
        try:
            if (record := store.run(name).record()) is not None:
                found[name] = (stamp, Summary.of(record))
        except StoreError as error:
            warnings.warn(f"left out: {error}", DamagedRecordWarning, stacklevel=2)
    if found != known:
        with suppress(OSError, ValueError), atomic_path(index) as scratch:
            scratch.write_bytes(msgspec.json.encode(found))
    return [summary for _, summary in found.values()]


def _stamps(root: Path) -> dict[str, str]:
    """Return, by the name of each folder with a record, a text that changes when its record does."""
    stamps: dict[str, str] = {}
    if not root.is_dir():
        return stamps
    with reading(root, StoreError):
        names = [entry.name for entry in os.scandir(root) if is_path_part(entry.name)]
    for name in names:
        with suppress(OSError):
            state = os.stat(f"{root}/{name}/{RECORD}")  # noqa: PTH116 - a Path takes as long as the call itself
            stamps[name] = f"{state.st_mtime_ns} {state.st_size} {state.st_ino}"
    return stamps
