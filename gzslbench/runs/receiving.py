"""Taking in runs that somebody else made."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from gzslbench.errors import StoreError
from gzslbench.files import writing
from gzslbench.runs.bundle import FILES, unpack_bundle
from gzslbench.runs.store import RunFolder, Store
from gzslbench.runs.verify import complaints


@dataclass
class Received:
    """What became of each run.

    Attributes:
        taken: Ids of those that are in the store now.
        there: Ids of those that were there already, with the same record.
        refused: By id, what is wrong with it.
    """

    taken: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=dict)


def receive(source: Path, store: Store) -> Received:
    """Take the runs of ``source``, an archive or a folder of runs, into the store, each if it holds together.

    Raises:
        StoreError: ``source`` holds no runs, or the store cannot be written.
    """
    store.make()
    with tempfile.TemporaryDirectory(dir=store.root, prefix=".import-") as scratch:
        root = Path(scratch)
        if source.is_dir():
            found = Store(source)
        else:
            unpack_bundle(source, root)
            found = Store(root)
        folders = found.runs()
        if not folders:
            raise StoreError(
                "there are no runs in it", where=source, fix="name an archive or a folder that holds runs"
            )
        received = Received()
        for folder in folders:
            _take(folder, store, received)
    return received


def _take(folder: RunFolder, store: Store, received: Received) -> None:
    wrong = complaints(folder)
    ours = store.run(folder.id)
    if not wrong and ours.has_ended():
        if _comparable(ours) == _comparable(folder):
            received.there.append(folder.id)
            return
        wrong = ["the store has another record of this id: remove one of them first"]
    elif not wrong and ours.has_begun():
        wrong = ["the store has begun a run of this id: finish or remove it first"]
    if wrong:
        received.refused[folder.id] = wrong
        return
    _copy(folder, ours)
    received.taken.append(folder.id)


def _copy(folder: RunFolder, ours: RunFolder) -> None:
    """The record last, so that what is half copied is no run."""
    with writing(ours.path, "the run cannot be copied"):
        ours.path.mkdir(parents=True, exist_ok=True)
        for name in reversed(FILES):
            if (folder.path / name).is_file():
                shutil.copyfile(folder.path / name, ours.path / f".{name}")
                (ours.path / f".{name}").replace(ours.path / name)


def _comparable(folder: RunFolder) -> object:
    record = folder.record()
    return None if record is None else record.comparable()
