"""Run jobs on this machine, each in a fresh process that is forked from a server with torch imported.

As many run at once as fit into its cores, its memory, and shares of its GPUs.
"""

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
from functools import cached_property
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from gzslbench.errors import ExecutorError
from gzslbench.plugins.executor import Ended, Event, Failure, Job, Limits, Started
from gzslbench.sweeps.executors.worker_process import STOP_GRACE_S, prepare_argument, run_in_process

MEMORY_INFO = Path("/proc/meminfo")
RESERVED_BYTES = 2**30
"""Memory that is left to all other programs."""
EPSILON = 1e-9
"""Tolerance for sums of GPU shares, such as 0.1 + 0.2."""
PRELOADED = ["gzslbench.sweeps.preload"]
POLL_S = 0.2
"""Time between two looks at the clock and at requests to stop."""
EXIT_GRACE_S = 5.0
"""Time that a process has to end once it has sent its outcome; a thread that it left may keep it alive."""


@dataclass
class RunningJob:
    """A job that runs now, on the GPU ``device``; it takes ``resident`` bytes of host memory by now."""

    job: Job
    device: int | None = None
    resident: int = 0


@dataclass(kw_only=True)
class _Worker(RunningJob):
    """The process of a job. ``content`` is its outcome as JSON, empty until it has sent one."""

    attempt: int
    process: BaseProcess
    answer: Connection
    began: float
    content: bytes = b""
    answered: float = 0.0

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if the process is alive."""
        if self.process.pid is not None and self.process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, number)

    def receive(self) -> None:
        """Receive the outcome, if it comes to that."""
        with suppress(EOFError, OSError):
            self.content = self.answer.recv_bytes()
            self.answered = time.monotonic()


class LocalExecutor:
    """Keeps as many processes at work as the machine has resources for."""

    def __init__(self, limits: Limits) -> None:
        if limits.address is not None:
            what, where = "the local executor cannot use a cluster", f"--address {limits.address}"
            raise ExecutorError(what, where=where, fix="add --executor ray, or leave --address out")
        self.limits = limits
        self.pool = ResourcePool(limits)
        self.stopping = False
        self.killing = False
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Run all jobs; see ``Executor.run``."""
        waiting = deque((job, 1) for job in {job.id: job for job in jobs}.values())
        workers: list[_Worker] = []
        kill_at: float | None = None
        try:
            while workers or (waiting and not self.stopping):
                yield from self._start(waiting, workers)
                self._wait(workers)
                if self.stopping and kill_at is None:
                    kill_at = time.monotonic() + STOP_GRACE_S
                    _send_all(workers, signal.SIGINT)
                if self.killing or (kill_at is not None and time.monotonic() > kill_at):
                    _send_all(workers, signal.SIGKILL)
                for worker in [one for one in workers if not one.process.is_alive() or self._is_late(one)]:
                    yield from self._end(worker, waiting)
                    workers.remove(worker)
        finally:
            _send_all(workers, signal.SIGKILL)
            for worker in workers:
                worker.process.join()
                worker.answer.close()

    def stop(self) -> None:
        """Start no more jobs and let the running ones save; see ``Executor.stop``."""
        self.stopping = True

    def kill(self) -> None:
        """End all jobs now; see ``Executor.kill``."""
        self.stopping = self.killing = True

    def _start(self, waiting: deque[tuple[Job, int]], workers: list[_Worker]) -> Iterator[Event]:
        while waiting and not self.stopping:
            for worker in workers:
                worker.resident = resident_memory(worker.process.pid)
            if not self.pool.fits(waiting[0][0], workers):
                return
            job, attempt = waiting.popleft()
            device = self.pool.choose_device(job, workers)
            devices = None if device is None else visible_name(device)
            ours, theirs = self._context.Pipe(duplex=False)
            argument = {**prepare_argument(job), **job.shared}
            process = self._context.Process(
                target=run_in_process, args=(job.work, argument, self.limits.threads, devices, theirs)
            )
            process.start()
            theirs.close()
            began = time.monotonic()
            workers.append(_Worker(job, device, attempt=attempt, process=process, answer=ours, began=began))
            yield Started(job.id, f"process {process.pid}", attempt)

    def _wait(self, workers: Sequence[_Worker]) -> None:
        """Wait a moment for processes to answer or end. Answers are read at once: a full pipe blocks."""
        silent = {worker.answer: worker for worker in workers if not worker.content}
        for ready in connection.wait([*silent, *(worker.process.sentinel for worker in workers)], POLL_S):
            if isinstance(ready, Connection):
                silent[ready].receive()
        for worker in workers:
            if worker.content:
                worker.process.join(POLL_S)

    def _is_late(self, worker: _Worker) -> bool:
        now = time.monotonic()
        if worker.content:
            return now - worker.answered > EXIT_GRACE_S
        return self.limits.timeout is not None and now - worker.began > self.limits.timeout

    def _end(self, worker: _Worker, waiting: deque[tuple[Job, int]]) -> Iterator[Event]:
        """Report how a job ended, or put it back into the queue."""
        late = worker.process.is_alive()
        worker.send(signal.SIGKILL)
        worker.process.join()
        if not worker.content:
            worker.receive()
        worker.answer.close()
        job, seconds = worker.job.id, time.monotonic() - worker.began
        if worker.content:
            outcome = json.loads(worker.content)
            failure = Failure(**outcome["failure"]) if "failure" in outcome else None
            yield Ended(job, seconds, outcome.get("result"), failure)
        elif late:
            failure = Failure("timeout", f"it took longer than {self.limits.timeout:g} s")
            yield Ended(job, seconds, failure=failure)
        elif self.stopping:
            yield Ended(job, seconds, failure=Failure("stopped", "killed on request"))
        elif worker.attempt <= self.limits.retries:
            waiting.appendleft((worker.job, worker.attempt + 1))
        else:
            times = f", {worker.attempt} times" if worker.attempt > 1 else ""
            yield Ended(job, seconds, failure=Failure("died", _cause(worker.process.exitcode) + times))


def _send_all(workers: Sequence[_Worker], number: signal.Signals) -> None:
    for worker in workers:
        worker.send(number)


def _cause(code: int | None) -> str:
    """Say why a process ended without an outcome."""
    if code is not None and code < 0:
        hint = "; perhaps memory ran out" if -code == signal.SIGKILL else ""
        return f"its process was ended by {signal.Signals(-code).name}{hint}"
    return f"its process ended with status {code} and no outcome"


class ResourcePool:
    """The resources of this machine."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    @cached_property
    def gpus(self) -> int:
        """Number of CUDA devices, counted when the first job needs one."""
        return _count_gpus()

    def fits(self, job: Job, running: Sequence[RunningJob]) -> bool:
        """Whether ``job`` may start next to those that run. If none runs, any job may."""
        if not running:
            return True
        if len(running) >= self.max_jobs(job):
            return False
        if job.gpus and self.gpus and min(self._shares(running)) + job.gpus > 1 + EPSILON:
            return False
        free = available_memory()
        still_to_come = sum(max(0, other.job.memory - other.resident) for other in running)
        return free is None or free - still_to_come - job.memory > RESERVED_BYTES

    def max_jobs(self, job: Job) -> int:
        """How many jobs like this one may run at once, as far as cores and GPUs go."""
        if self.limits.jobs is not None:
            return self.limits.jobs
        by_cores = max(1, _count_cores() // self.limits.threads)
        if job.gpus and self.gpus:
            return min(by_cores, self.gpus * max(1, int(1 / job.gpus + EPSILON)))
        return by_cores

    def choose_device(self, job: Job, running: Sequence[RunningJob]) -> int | None:
        """Choose the GPU with the largest free share; None if there is none, or the job takes none."""
        if not job.gpus or not self.gpus:
            return None
        return min(range(self.gpus), key=self._shares(running).__getitem__)

    def _shares(self, running: Sequence[RunningJob]) -> list[float]:
        """The share of each GPU that is taken."""
        shares = [0.0] * self.gpus
        for other in running:
            if other.device is not None:
                shares[other.device] += other.job.gpus
        return shares


def visible_name(device: int) -> str:
    """Value of CUDA_VISIBLE_DEVICES that shows a job the GPU with this index among the visible ones."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    return names[device].strip() if device < len(names) and names[device].strip() else str(device)


def resident_memory(process: int | None) -> int:
    """Bytes of a process that are in memory; 0 if the system does not say."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def available_memory() -> int | None:
    """Bytes that new processes can take without swapping; None if the system does not say."""
    if not MEMORY_INFO.is_file():
        return None
    for line in MEMORY_INFO.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _count_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _count_gpus() -> int:
    """CUDA devices, counted without creating a context on one."""
    import torch

    return torch.cuda.device_count()
