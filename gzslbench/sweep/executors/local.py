"""Jobs on this machine, each in a fresh process forked from a server that has torch imported."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from gzslbench.errors import ExecutorError
from gzslbench.files import writing
from gzslbench.plugins.executor import Ended, Event, Failure, Job, Limits, Started
from gzslbench.sweep.executors.child import do_job
from gzslbench.sweep.executors.packing import Files, SharedFiles
from gzslbench.sweep.executors.room import Occupant, Room, resident_memory, visible_name

PRELOADED = ["gzslbench.sweep.executors.warm"]
POLL = 0.2
"""Seconds between looks at the clock and at requests to stop."""
MERCY = 30.0
"""Seconds that a job asked to stop has before it is killed."""
LEAVE = 5.0
"""Seconds that the process of a job has to end once it has answered."""


@dataclass
class _Running:
    job: Job
    attempt: int
    process: BaseProcess
    answer: Connection
    began: float
    device: int | None
    content: bytes = b""
    answered: float = 0.0


class LocalExecutor:
    """Keeps as many processes at work as there is room for; ``files`` has the shared values."""

    def __init__(self, limits: Limits, files: Files | None = None) -> None:
        if limits.address is not None:
            raise ExecutorError(
                "the local executor goes to no cluster",
                where=f"--address {limits.address}",
                fix="add --executor ray, or leave --address out",
            )
        self.limits = limits
        self.files = files or SharedFiles()
        self.room = Room(limits)
        self.stopping = False
        self.killing = False
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """As ``Executor.run``."""
        waiting = deque((job, 1) for job in {job.id: job for job in jobs}.values())
        running: list[_Running] = []
        asked_at: float | None = None
        try:
            while running or (waiting and not self.stopping):
                yield from self._begin(waiting, running)
                self._wait(running)
                if self.stopping and asked_at is None:
                    asked_at = time.monotonic()
                    _signal(running, signal.SIGINT)
                if self.killing or (asked_at is not None and time.monotonic() - asked_at > MERCY):
                    _signal(running, signal.SIGKILL)
                for each in [each for each in running if not each.process.is_alive() or self._late(each)]:
                    yield from self._ended(each, waiting)
                    running.remove(each)
        finally:
            _signal(running, signal.SIGKILL)
            for each in running:
                each.process.join()
                each.answer.close()
            self.files.close()

    def stop(self) -> None:
        """As ``Executor.stop``."""
        self.stopping = True

    def kill(self) -> None:
        """As ``Executor.kill``."""
        self.stopping = self.killing = True

    def _begin(self, waiting: deque[tuple[Job, int]], running: list[_Running]) -> Iterator[Event]:
        while waiting and not self.stopping and self._fits(waiting[0][0], running):
            job, attempt = waiting.popleft()
            device = self.room.device_for(job, _occupants(running))
            ours, theirs = self._context.Pipe(duplex=False)
            devices = None if device is None else visible_name(device)
            shared = {name: self.files.file_of(value) for name, value in job.shared.items()}
            process = self._context.Process(
                target=do_job,
                args=(job.work, _argument(job), shared, self.limits.threads, devices, theirs),
            )
            process.start()
            theirs.close()
            running.append(_Running(job, attempt, process, ours, time.monotonic(), device))
            yield Started(job.id, f"process {process.pid}", attempt)

    def _fits(self, job: Job, running: Sequence[_Running]) -> bool:
        return self.room.takes(job, _occupants(running))

    def _wait(self, running: Sequence[_Running]) -> None:
        """Until something ends, but not long; answers are read as they come, for a full pipe would block."""
        answers = {each.answer: each for each in running if not each.content}
        for ready in connection.wait([*answers, *(each.process.sentinel for each in running)], POLL):
            if isinstance(ready, Connection):
                with suppress(EOFError, OSError):
                    answers[ready].content = ready.recv_bytes()
                    answers[ready].answered = time.monotonic()
        for each in running:
            if each.content:
                each.process.join(POLL)

    def _late(self, running: _Running) -> bool:
        now = time.monotonic()
        if running.content:  # a thread that it left may keep its process alive
            return now - running.answered > LEAVE
        return self.limits.timeout is not None and now - running.began > self.limits.timeout

    def _ended(self, running: _Running, waiting: deque[tuple[Job, int]]) -> Iterator[Event]:
        late = running.process.is_alive()
        _signal([running], signal.SIGKILL)
        running.process.join()
        if not running.content:
            with suppress(EOFError, OSError):
                running.content = running.answer.recv_bytes()
        running.answer.close()
        seconds = time.monotonic() - running.began
        if running.content:
            told = json.loads(running.content)
            failure = Failure(**told["failure"]) if "failure" in told else None
            yield Ended(running.job.id, seconds, told.get("result"), failure)
        elif late:
            what = f"it took longer than {self.limits.timeout:g} s"
            yield Ended(running.job.id, seconds, failure=Failure("timeout", what))
        elif self.stopping:
            yield Ended(running.job.id, seconds, failure=Failure("stopped", "killed on request"))
        elif running.attempt <= self.limits.retries:
            waiting.appendleft((running.job, running.attempt + 1))
        else:
            times = f", {running.attempt} times" if running.attempt > 1 else ""
            what = _cause(running.process.exitcode) + times
            yield Ended(running.job.id, seconds, failure=Failure("died", what))


def _occupants(running: Sequence[_Running]) -> list[Occupant]:
    return [
        Occupant(each.job, each.device, resident_memory(each.process.pid) if each.process.pid else 0)
        for each in running
    ]


def _argument(job: Job) -> dict[str, Any]:
    """The job's, and its folder, which is made."""
    if job.folder is None:
        return dict(job.argument)
    with writing(job.folder, "the folder of a job cannot be made"):
        job.folder.mkdir(parents=True, exist_ok=True)
    return {**job.argument, "folder": str(job.folder)}


def _signal(running: Sequence[_Running], number: signal.Signals) -> None:
    for each in running:
        if each.process.pid is not None and each.process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(each.process.pid, number)


def _cause(code: int | None) -> str:
    """Why a process ended without an answer."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = "; perhaps memory ran out" if -code == signal.SIGKILL else ""
        return f"its process was ended by {name}{hint}"
    return f"its process ended with status {code} and no answer"
