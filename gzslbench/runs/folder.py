"""The folder of one run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gzslbench.errors import StoreError
from gzslbench.files import (
    LockedError,
    atomic_folder,
    drop_torn_line,
    is_there,
    lock,
    read_file,
    reading,
    remove,
    remove_leftovers,
    write_atomically,
    writing,
)
from gzslbench.runs.record import Record

RECORD = "record.json"
CHOICE = "validation.json"
CHECKPOINTS = "checkpoint-*.pt"
LOG = "log.txt"
CODE = "method.py"
TRACKING = "tracking"
OWN = (RECORD, CHECKPOINTS, CHOICE, "metrics.jsonl", "predictions.npz", LOG, CODE, "trace.json*", TRACKING)
"""What a run writes; ``set_aside`` removes the record first."""
LOCK = "lock"
MAX_TEXT_BYTES = 2**25  # of a record or of metrics.jsonl: parsed, it takes up to 30 times as much memory


@dataclass(frozen=True)
class RunFolder:
    """Where one run keeps its files; its name is the run's id."""

    path: Path

    @property
    def id(self) -> str:
        """The run's id."""
        return self.path.resolve().name

    @property
    def record_file(self) -> Path:
        """The record, there once the run has ended."""
        return self.path / RECORD

    @property
    def metrics_file(self) -> Path:
        """A JSON line for each epoch."""
        return self.path / "metrics.jsonl"

    @property
    def predictions_file(self) -> Path:
        """What every metric can be computed from."""
        return self.path / "predictions.npz"

    @property
    def log_file(self) -> Path:
        """What the run printed."""
        return self.path / LOG

    @property
    def code_file(self) -> Path:
        """The code of a method that is in no package."""
        return self.path / CODE

    @property
    def tracking(self) -> Path:
        """The folder in which each tracker has a folder of its own."""
        return self.path / TRACKING

    @property
    def choice_file(self) -> Path:
        """The epochs that the run chose on its validation split."""
        return self.path / CHOICE

    def text_files(self) -> list[Path]:
        """Return the files that a reader or a tracker can show: record, epochs, choice, log, code."""
        files = (self.record_file, self.metrics_file, self.choice_file, self.log_file, self.code_file)
        return [file for file in files if file.is_file()]

    def checkpoint_file(self, leg: str) -> Path:
        """The checkpoint of the fit ``validation`` or ``final``."""
        return self.path / f"checkpoint-{leg}.pt"

    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint to continue from."""
        return any(self.path.glob(CHECKPOINTS))

    def has_begun(self) -> bool:
        """Whether a run was started here, finished or not; a StoreError if the folder cannot be read."""
        return is_there(self.path / LOCK, StoreError) or self.has_ended()

    def has_ended(self) -> bool:
        """Whether there is a record; a StoreError if the folder cannot be read."""
        return is_there(self.record_file, StoreError)

    def record(self) -> Record | None:
        """Read the record, None while the run has not ended; a StoreError if it is damaged."""
        if not self.has_ended():
            return None
        with reading(self.record_file, StoreError):
            text = read_file(self.record_file, MAX_TEXT_BYTES)
        record = Record.from_json(text, self.record_file)
        if record.id != self.id:
            what = f"the record is of run {record.id}, not of {self.id}"
            where = f"{self.record_file}: field 'id'"
            raise StoreError(what, where=where, fix=f"name the folder {record.id}")
        return record

    def require_record(self) -> Record:
        """Read the record; a StoreError if the run has not ended."""
        if (record := self.record()) is not None:
            return record
        what = f"run {self.id} has no record: it was interrupted, or is still running"
        fix = "run the same command again with --resume to continue from its last checkpoint"
        raise StoreError(what, where=self.path, fix=fix)

    def write_record(self, record: Record) -> None:
        """Write the record atomically."""
        write_atomically(self.record_file, record.to_json().encode())

    def append_metrics(self, line: Mapping[str, Any]) -> None:
        """Add one line to metrics.jsonl; if only a part of it can be written, remove that part."""
        content = (json.dumps(line, allow_nan=False) + "\n").encode()
        with writing(self.metrics_file, "metrics.jsonl cannot be written"):
            try:
                with self.metrics_file.open("ab") as file:
                    file.write(content)
            except OSError:
                drop_torn_line(self.metrics_file)
                raise

    def metrics(self) -> list[dict[str, Any]]:
        """Read the lines of metrics.jsonl, without an incomplete last line that a killed run left."""
        if not is_there(self.metrics_file, StoreError):
            return []
        with reading(self.metrics_file, StoreError):
            whole, _, _torn = read_file(self.metrics_file, MAX_TEXT_BYTES).rpartition(b"\n")
        lines = whole.split(b"\n") if whole else []
        return [
            _metrics_line(line, f"{self.metrics_file}: line {number}")
            for number, line in enumerate(lines, start=1)
        ]

    def keep_metrics_until(self, epoch: int, **which: object) -> None:
        """Drop the lines after ``epoch`` that have the fields ``which``, and an incomplete last line."""

        def stays(line: Mapping[str, Any]) -> bool:
            return line["epoch"] <= epoch or any(line.get(name) != value for name, value in which.items())

        if is_there(self.metrics_file, StoreError):
            text = "".join(json.dumps(line) + "\n" for line in self.metrics() if stays(line))
            write_atomically(self.metrics_file, text.encode())

    def set_aside(self) -> None:
        """Move the files of an earlier run into ``previous``.

        They replace an older run there, except that an unfinished run never replaces a finished one. At every
        moment the earlier run is whole, here or in ``previous``, so that a kill loses nothing.
        """
        with writing(self.path, "the earlier run cannot be set aside"):
            if self.has_ended() or not is_there(self.previous / RECORD, StoreError):
                self.drop_previous()
                with atomic_folder(self.previous) as scratch:
                    _link(self._own_files(), scratch)
            for file in self._own_files():
                remove(file)

    def restore(self) -> None:
        """Move the files in ``previous`` back if the new run has only a log and the files of trackers."""
        with writing(self.path, "the earlier run cannot be put back"):
            left = self._own_files()
            if not self.previous.is_dir() or any(file.name not in (LOG, TRACKING) for file in left):
                return
            for file in left:
                remove(file)
            # The record is last, so that a run is not finished before all of it is back.
            _link(reversed(self._own_files(self.previous)), self.path)
            self.drop_previous()

    def drop_previous(self) -> None:
        """Remove the files in ``previous``."""
        with writing(self.previous, "the earlier run cannot be removed"):
            remove_leftovers(self.previous)
            if self.previous.is_dir():
                shutil.rmtree(self.previous)

    @property
    def previous(self) -> Path:
        """Where ``--rerun`` keeps the earlier run until the new one is finished."""
        return self.path / "previous"

    def _own_files(self, where: Path | None = None) -> list[Path]:
        """List what a run wrote, its record first."""
        return [file for pattern in OWN for file in (where or self.path).glob(pattern)]

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Create the folder and lock it for this process; a StoreError if another process runs the cell."""
        with writing(self.path, "the run's folder cannot be created"):
            self.path.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            try:
                with writing(self.path, "the run's folder cannot be locked"):
                    stack.enter_context(lock(self.path / LOCK, keep=True))
            except LockedError as error:
                fix = "wait for it, or stop that process and continue with --resume"
                what = f"run {self.id} is running already: {error}"
                raise StoreError(what, where=self.path, fix=fix) from error
            yield


def _link(files: Iterable[Path], folder: Path) -> None:
    """Give files and folders a second name in ``folder``; copy them where the disk has no links."""

    def link(source: str, target: str) -> None:
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)

    for file in files:
        if file.is_dir():
            shutil.copytree(file, folder / file.name, copy_function=link)
        else:
            link(str(file), str(folder / file.name))


def _metrics_line(line: bytes, where: str) -> dict[str, Any]:
    """Parse one line of metrics.jsonl: an object that names its epoch."""
    try:
        values = json.loads(line)
        if isinstance(values, dict) and type(values.get("epoch")) is int:
            return values
        what = "not an object with an epoch"
    except (ValueError, RecursionError) as error:
        what = f"not JSON: {error}"
    raise StoreError(what, where=where, fix="repeat the run with --rerun")
