"""The results folder: one folder a run, plain files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from gzslbench.errors import StoreError
from gzslbench.files import check_folder, is_there, make_folder, writing
from gzslbench.runs.folder import LOCK, RECORD, RunFolder
from gzslbench.runs.record import Record

__all__ = ["DEFAULT_ROOT", "DamagedRecordWarning", "RunFolder", "Store"]

DEFAULT_ROOT = "results"
FEW = 5


class DamagedRecordWarning(UserWarning):
    """A record that cannot be read was passed over."""


@dataclass(frozen=True)
class Store:
    """The runs under ``root``. Making a Store touches no disk."""

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))

    def make(self) -> None:
        """Make the folder where it is missing, and try whether it takes files.

        Raises:
            StoreError: It is read-only or full, or a file is in the way.
        """
        with writing(self.root, "the results folder cannot be written"):
            make_folder(self.root)

    def run(self, run: str) -> RunFolder:
        """The folder of the run with this id, whether or not it is there yet."""
        return RunFolder(self.root / run)

    def runs(self) -> list[RunFolder]:
        """Every folder that holds a record, by name.

        Raises:
            StoreError: The results folder may not be read.
        """
        return self._holding(RECORD)

    def unfinished(self) -> list[RunFolder]:
        """Every folder of a run that is interrupted or still running, by name.

        Raises:
            StoreError: The results folder may not be read.
        """
        return [folder for folder in self._holding(LOCK) if not folder.has_ended()]

    def records(self) -> Iterator[Record]:
        """Every good record, by run id; a damaged one is a DamagedRecordWarning that names it."""
        for folder in self.runs():
            try:
                record = folder.record()
            except StoreError as error:
                warnings.warn(f"left out: {error}", DamagedRecordWarning, stacklevel=2)
                continue
            if record is not None:
                yield record

    def find(self, run: str) -> RunFolder:
        """The run of this id, of the only id that begins so, or at this path.

        A beginning is looked for among the finished runs, and where it is of none, among the others.

        Raises:
            StoreError: There is none, or there are several; or it cannot be told.
        """
        path = Path(run).parent if Path(run).name == RECORD else Path(run)
        for folder in (self.run(run), RunFolder(path)) if run else ():
            if folder.has_begun():
                return folder
        finished = [folder.id for folder in self.runs()]
        unfinished = [folder.id for folder in self.unfinished()]
        matches = _beginning(run, finished) or _beginning(run, unfinished)
        if len(matches) == 1:
            return self.run(matches[0])
        if matches:
            raise StoreError(
                f"{run!r} begins the ids of {len(matches)} runs",
                where=self.root,
                fix=f"give more of one of them, for example {_few(matches)}",
            )
        raise StoreError(f"no run {run!r}", where=self.root, fix=_nearest(run, finished + unfinished))

    def _holding(self, file: str) -> list[RunFolder]:
        if not is_there(self.root, StoreError) or not self.root.is_dir():
            return []
        check_folder(self.root, StoreError)  # a folder that may not be read is an empty one to glob
        return [RunFolder(path.parent) for path in sorted(self.root.glob(f"*/{file}"))]


def _beginning(run: str, names: list[str]) -> list[str]:
    return [name for name in names if run and name.startswith(run)]


def _nearest(run: str, names: list[str]) -> str:
    if not names:
        return "name the folder that holds the runs with --results"
    likeness = {name: SequenceMatcher(None, run.lower(), name[: len(run)].lower()).ratio() for name in names}
    return f"nearest of {len(names)} runs: {_few(sorted(names, key=lambda name: -likeness[name]))}"


def _few(names: list[str]) -> str:
    return ", ".join(names[:FEW]) + (" …" if len(names) > FEW else "")
