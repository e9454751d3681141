"""Whoever does jobs on a node of a cluster, one after another, and keeps the driver informed."""

from __future__ import annotations

import fcntl
import os
import queue
import shutil
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from gzslbench.plugins.executor import Ended, Event, Job, Limits, Started
from gzslbench.sweep.executors.local import LocalExecutor
from gzslbench.sweep.executors.mirror import SMALL, Change, Watched, put_in_place
from gzslbench.sweep.executors.packing import write_packed
from gzslbench.sweep.executors.scratch import Scratch
from gzslbench.sweep.executors.versions import Versions, check_versions


@dataclass(frozen=True)
class Order:
    """A job, as it travels.

    Attributes:
        job: Its shared values are references into the object store.
        limits: Of the sweep.
        token: Name of a hidden file in the job's folder; a node that sees it sees the driver's disk.
        content: A reference to the folder's content, for whoever does not; None: it is empty.
        versions: The driver's.
    """

    job: Job
    limits: Limits
    versions: Versions
    token: str = ""
    content: Any = None


@dataclass(frozen=True)
class Look:
    """How things are: the end, once there is one, and what became of a folder that the driver cannot see."""

    ended: Ended | None
    change: Change | None


class Attendant:
    """Has each job done by a process of its own, which dies with it.

    A job's process is not the Ray worker itself: there, Ctrl-C is blocked and other threads compute. As it
    is, a job meets on a cluster what it meets on one machine, and what kills it leaves its attendant to tell.
    """

    def __init__(self, session: str, variables: Mapping[str, str]) -> None:
        for name, value in variables.items():
            os.environ.setdefault(name, value)
        main = sys.modules["__main__"]
        if hasattr(main, "__file__"):
            del main.__file__  # else each job would run the Ray worker's program
        self.scratch = Scratch(session)
        self.events: queue.Queue[Event | BaseException | None] = queue.Queue()
        self.executor: LocalExecutor | None = None
        self.watched: Watched | None = None

    def begin(self, order: Order) -> Started:
        """Begin a job.

        Raises:
            ExecutorError: This node has other versions.
        """
        check_versions(order.versions, node_name())
        job, self.watched = order.job, None
        if job.folder is not None and not (job.folder / order.token).is_file():
            job = replace(job, folder=self._own_folder(job.folder, order.content))
        limits = replace(order.limits, jobs=1, retries=0, address=None)
        self.executor = LocalExecutor(limits, _NodeFiles(self.scratch.folder))
        self.events = queue.Queue()
        threading.Thread(target=self._do, args=(self.executor, job), daemon=True).start()
        event = self._next(None)
        if not isinstance(event, Started):
            raise RuntimeError(f"a job ended before it began: {event}")
        return replace(event, where=f"{event.where} on {node_name()}")

    def look(self, seconds: float) -> Look:
        """The end of the job, or after some seconds what became of its folder until now."""
        event = self._next(seconds)
        ended = event if isinstance(event, Ended) else None
        change = None if self.watched is None else self.watched.change(None if ended else SMALL)
        if ended and self.watched is not None:
            shutil.rmtree(self.watched.folder.parent, ignore_errors=True)
        return Look(ended, change)

    def stop(self) -> None:
        """Ask the job to save and end; one that does not is killed after a while."""
        if self.executor is not None:
            self.executor.stop()

    def _do(self, executor: LocalExecutor, job: Job) -> None:
        try:
            for event in executor.run([job]):
                self.events.put(event)
        except BaseException as error:
            self.events.put(error)
        else:
            self.events.put(None)

    def _next(self, seconds: float | None) -> Event | None:
        try:
            event = self.events.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(event, BaseException):
            raise event
        return event

    def _own_folder(self, folder: Path, content: Any) -> Path:
        """A folder here of the same name, with the same content."""
        own = Path(mkdtemp(dir=self.scratch.folder)) / folder.name
        own.mkdir()
        if content is not None:
            put_in_place(_fetched(content), own)
        self.watched = Watched(own)
        self.watched.change()  # what the driver has
        return own


@dataclass
class _NodeFiles:
    """Values of the object store in files of this node, each written once."""

    folder: Path
    files: dict[str, Path] = field(default_factory=dict)

    def file_of(self, value: Any) -> Path:
        """As ``Files.file_of``; ``value`` is a reference."""
        file = self.folder / f"shared-{value.hex()}"
        with (self.folder / f"{file.name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.is_file():
                write_packed(_fetched(value), file)
        return file

    def close(self) -> None:
        """They stay for the next job."""


def node_name() -> str:
    """This machine, and the node on it."""
    import ray

    return f"{socket.gethostname()} (node {ray.get_runtime_context().get_node_id()[:8]})"


def _fetched(reference: Any) -> Any:
    import ray

    return ray.get(reference)
