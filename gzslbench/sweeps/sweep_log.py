"""The log of a suite's sweeps: a JSON line for each event, next to the runs.

``--status`` reads it from another terminal, and the next sweep reads from it which cells failed.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec

from gzslbench.errors import StoreError
from gzslbench.files import LockedError, lock, make_folder, reading, writing

FOLDER = ".sweeps"
_NOT_WRITTEN = "the log of the sweep cannot be written"


_Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]


class _Line(msgspec.Struct):
    """A line of the log; the keys are those of version 0.1."""

    event: str
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    cell: str = ""
    who: str = ""
    counts: dict[str, _Count] = {}
    total: _Count = 0
    to_run: _Count = 0
    where: str = ""
    failure: str | None = None


@dataclass
class SweepStatus:
    """What a log says of the last sweep, which may be running."""

    alive: bool = False
    who: str = ""
    """Process and host."""
    began: str = ""
    last: str = ""
    """Time of the last line; both are in ISO 8601."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Number of cells by the state in which the sweep found them."""
    total: int = 0
    to_run: int = 0
    ended: int = 0
    running: dict[str, str] = field(default_factory=dict)
    """For each running cell, where it runs."""
    done: int = 0
    """Number of cells that ended with a record."""
    failed: dict[str, str] = field(default_factory=dict)
    """For each cell that failed when it was last tried, also in earlier sweeps, the reason."""

    def add(self, line: _Line) -> None:
        """Add what one line says."""
        self.last = line.time.isoformat(timespec="seconds")
        if line.event == "begun":
            self.who, self.began = line.who, self.last
            self.counts, self.total, self.to_run = line.counts, line.total, line.to_run
            self.running, self.done, self.ended = {}, 0, 0
            return
        self.running.pop(line.cell, None)
        if line.event == "started":
            self.running[line.cell] = line.where
        elif line.event == "ended":
            self.ended += 1
            self.failed.pop(line.cell, None)
            if line.failure is not None:
                self.failed[line.cell] = line.failure
                return
            self.done += 1


class SweepLog:
    """The log of one suite in a results folder."""

    def __init__(self, root: Path, suite: str) -> None:
        self.file = root / FOLDER / f"{suite}.jsonl"
        self._lock = self.file.with_suffix(".lock")
        self._out: IO[str] | None = None

    def read(self) -> SweepStatus:
        """Read what the log says so far. A line that a killed sweep did not finish is ignored."""
        status = SweepStatus()
        if not self.file.is_file():
            return status
        with reading(self.file, StoreError, "the log of the sweep cannot be read"):
            lines = self.file.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines:
            try:
                status.add(msgspec.json.decode(line, type=_Line))
            except (ValueError, RecursionError):
                continue
        status.alive = self._is_locked()
        return status

    @contextmanager
    def open(self) -> Iterator[None]:
        """Open the log for writing. No other process can open it meanwhile."""
        with ExitStack() as stack:
            try:
                with writing(self.file, _NOT_WRITTEN):
                    make_folder(self.file.parent)
                    stack.enter_context(lock(self._lock))
                    self._out = stack.enter_context(self.file.open("a", encoding="utf-8"))
                    self._out.write("\n")  # ends a line that a killed sweep did not finish
            except LockedError as error:
                what = f"a sweep of this suite is running: {error}"
                fix = "look at it with --status, or stop it; other suites can run now"
                raise StoreError(what, where=self.file, fix=fix) from error
            yield

    def write(self, event: str, **values: Any) -> None:
        """Add a line."""
        assert self._out is not None, "open() first"
        time = datetime.now(timezone.utc).isoformat(timespec="seconds")
        with writing(self.file, _NOT_WRITTEN):
            self._out.write(json.dumps({"event": event, "time": time, **values}) + "\n")
            self._out.flush()

    def _is_locked(self) -> bool:
        try:
            with lock(self._lock):
                return False
        except LockedError:
            return True
        except OSError:  # a folder that may not be written: another user's
            return self._lock.exists()


def this_process() -> str:
    """Name this process and its host."""
    return f"process {os.getpid()} on {socket.gethostname()}"
