"""What a sweep has come to, line by line beside the runs, for whoever looks on and for the next time."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

from gzslbench.errors import StoreError
from gzslbench.files import make_folder, writing

FOLDER = ".sweeps"


@dataclass
class Standing:
    """What a journal tells.

    Attributes:
        alive: Whether its sweep is still at work.
        who: Process and host of the last sweep.
        began: When that began, in ISO 8601.
        last: When the last line was written.
        counts: By state of planning, cells that it found.
        total: Cells.
        to_run: Of these, to be run.
        ended: Of these, how many have ended since.
        running: By cell, since when and where.
        done: Cells that ended well since.
        failed: By cell, in words why it failed when it was last tried.
        best: By task, the highest H and the cell that has it.
    """

    alive: bool = False
    who: str = ""
    began: str = ""
    last: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    total: int = 0
    to_run: int = 0
    ended: int = 0
    running: dict[str, dict[str, Any]] = field(default_factory=dict)
    done: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    best: dict[str, tuple[float, str]] = field(default_factory=dict)

    def take(self, line: Mapping[str, Any]) -> None:
        """Add what one line tells."""
        self.last = line["time"]
        if line["event"] == "begun":
            self.who, self.began = line["who"], line["time"]
            self.counts, self.total, self.to_run = line["counts"], line["total"], line["to_run"]
            self.running, self.done, self.ended = {}, {}, 0
        elif line["event"] == "started":
            self.running[line["cell"]] = {"time": line["time"], "where": line["where"]}
        elif line["event"] == "stopped":
            self.running.pop(line["cell"], None)
        elif line["event"] == "ended":
            self.running.pop(line["cell"], None)
            self.ended += 1
            if "failure" in line:
                self.failed[line["cell"]] = line["failure"]
            else:
                self.failed.pop(line["cell"], None)
                self.done[line["cell"]] = line["told"]
                self.note(line["told"].get("task", ""), line["told"].get("H"), line["cell"])

    def note(self, task: str, harmonic_mean: float | None, cell: str) -> None:
        """Remember a number where it is the highest of its task."""
        if harmonic_mean is not None and harmonic_mean > self.best.get(task, (-1.0, ""))[0]:
            self.best[task] = (harmonic_mean, cell)


class Journal:
    """The file of one suite's sweeps in a results folder."""

    def __init__(self, root: Path, suite: str) -> None:
        self.file = root / FOLDER / f"{suite}.jsonl"
        self._out: IO[str] | None = None

    def read(self) -> Standing:
        """What it tells so far; a line torn by a killed sweep tells nothing.

        Raises:
            StoreError: It may not be read.
        """
        standing = Standing()
        if not self.file.is_file():
            return standing
        with writing(self.file, "the journal of the sweep cannot be read"):
            for line in self.file.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    standing.take(json.loads(line))
                except (ValueError, KeyError, TypeError):
                    continue
            standing.alive = self._is_held()
        return standing

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it for this process, which alone may write.

        Raises:
            StoreError: Another sweep of the suite is at work, or it cannot be written.
        """
        with writing(self.file, "the journal of the sweep cannot be written"):
            make_folder(self.file.parent)
            out = self.file.open("a", encoding="utf-8")
        with out:
            try:
                fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StoreError(
                    f"a sweep of this suite is at work: {self.read().who}",
                    where=self.file,
                    fix="look at it with --status, or stop it first; other suites can run beside it",
                ) from error
            self._out = out
            out.write("\n")  # ends a line that a killed sweep left torn
            try:
                yield
            finally:
                self._out = None

    def write(self, event: str, **told: Any) -> None:
        """Add a line.

        Raises:
            StoreError: It cannot be written.
        """
        assert self._out is not None, "held() first"
        time = datetime.now(timezone.utc).isoformat(timespec="seconds")
        with writing(self.file, "the journal of the sweep cannot be written"):
            self._out.write(json.dumps({"event": event, "time": time, **told}) + "\n")
            self._out.flush()

    def _is_held(self) -> bool:
        with self.file.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


def this_process() -> str:
    """In words."""
    return f"process {os.getpid()} on {socket.gethostname()}"
