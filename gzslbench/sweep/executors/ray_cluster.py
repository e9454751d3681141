"""Jobs on a Ray cluster, or on this machine as one."""

from __future__ import annotations

import os
import secrets
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from gzslbench.errors import GzslBenchError
from gzslbench.files import writing
from gzslbench.plugins.executor import Ended, Event, Failure, Job, Limits, Started
from gzslbench.sweep.executors.attendant import Attendant, Look, Order
from gzslbench.sweep.executors.mirror import Watched, put_in_place
from gzslbench.sweep.executors.packing import pack
from gzslbench.sweep.executors.ray_session import connected, on_every_node, require_ray, working_nodes
from gzslbench.sweep.executors.scratch import remove_scratch
from gzslbench.sweep.executors.versions import Versions

POLL = 0.2
"""Seconds between looks at the clock and at requests to stop."""
LOOK = 15.0
"""Seconds between the times that files of a job at work arrive, where there is no shared disk."""
Shape = tuple[float, float, int]
"""Cores, share of a GPU and bytes that an attendant holds."""


@dataclass
class _Running:
    """A job that was handed to an attendant, and what is awaited of it: that it has begun, then looks."""

    job: Job
    attempt: int
    shape: Shape
    attendant: Any
    token: str
    awaited: Any = None
    since: float = field(default_factory=time.monotonic)
    begun: bool = False
    names: frozenset[str] = frozenset()


class RayExecutor:
    """Has one attendant for each job at once, placed by Ray where there is room."""

    def __init__(self, limits: Limits) -> None:
        require_ray(limits.address)
        self.limits = limits
        self.stopping = False
        self.killing = False

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """As ``Executor.run``."""
        waiting = deque((job, 1) for job in {job.id: job for job in jobs}.values())
        if waiting:
            with connected(self.limits):
                yield from _Dispatch(self, waiting).run()

    def stop(self) -> None:
        """As ``Executor.stop``."""
        self.stopping = True

    def kill(self) -> None:
        """As ``Executor.kill``."""
        self.stopping = self.killing = True


class _Dispatch:
    """One call of ``run``, connected."""

    def __init__(self, executor: RayExecutor, waiting: deque[tuple[Job, int]]) -> None:
        import ray

        self.ray = ray
        self.executor = executor
        self.limits = executor.limits
        self.waiting = waiting
        self.running: list[_Running] = []
        self.references: dict[int, tuple[Any, Any]] = {}
        self.attendants = ray.remote(max_concurrency=3, max_restarts=0)(Attendant)
        self.session = secrets.token_hex(8)
        self.variables = {name: value for name, value in os.environ.items() if name.startswith("GZSLBENCH_")}

    def run(self) -> Iterator[Event]:
        asked = False
        try:
            while self.running or (self.waiting and not self.executor.stopping):
                self._hand_out()
                if self.executor.stopping and not asked:
                    asked = True
                    self._ask_to_stop()
                if self.executor.killing:
                    yield from self._killed()
                for running in self._ready():
                    yield from self._advance(running)
        finally:
            for running in self.running:
                self._end(running)
            if self.limits.address is not None:
                with suppress(Exception):  # what stays is removed by the next session
                    list(on_every_node(partial(remove_scratch, self.session), patience=10))
            remove_scratch(self.session)

    def _hand_out(self) -> None:
        """Ask for attendants, one more than there is room for: a node that joins has work at once."""
        nodes = working_nodes() if self.waiting and not self.executor.stopping else []
        while nodes and self.waiting:
            shape = self._shape(self.waiting[0][0], nodes)
            room = sum(int(node["Resources"]["CPU"] / shape[0] + 1e-9) for node in nodes) + 1
            if len(self.running) >= min(room, self.limits.jobs or room):
                break
            cpus, gpus, memory = shape
            asked = self.attendants.options(num_cpus=cpus, num_gpus=gpus, memory=memory)
            self._hand_over(shape, asked.remote(self.session, self.variables))

    def _shape(self, job: Job, nodes: Sequence[dict[str, Any]]) -> Shape:
        """What the job takes, but no more than the largest node has: alone any job may run."""

        def most(name: str) -> float:
            return max(float(node["Resources"].get(name, 0)) for node in nodes)

        gpus = min(job.gpus, 1.0) if most("GPU") else 0.0
        return min(self.limits.threads, most("CPU")), gpus, min(job.memory, int(most("memory")))

    def _hand_over(self, shape: Shape, attendant: Any) -> None:
        """The next job, to an attendant that may still wait for its room."""
        job, attempt = self.waiting.popleft()
        running = _Running(job, attempt, shape, attendant, f".gzslbench-{secrets.token_hex(8)}")
        self.running.append(running)
        running.awaited = attendant.begin.remote(self._order(running))

    def _order(self, running: _Running) -> Order:
        job, content = running.job, None
        if job.folder is not None:
            with writing(job.folder, "the folder of a job cannot be made"):
                job.folder.mkdir(parents=True, exist_ok=True)
                (job.folder / running.token).touch()
            change = Watched(job.folder).change()
            if change is not None and change.files:
                content, running.names = self.ray.put(change), change.names
        shared = {name: self._reference(value) for name, value in job.shared.items()}
        return Order(replace(job, shared=shared), self.limits, Versions(), running.token, content)

    def _reference(self, value: Any) -> Any:
        """Into the object store, where a value is put once."""
        if id(value) not in self.references:
            self.references[id(value)] = value, self.ray.put(pack(value))
        return self.references[id(value)][1]

    def _ready(self) -> list[_Running]:
        if not self.running:
            return []
        awaited = {running.awaited: running for running in self.running}
        ready, _ = self.ray.wait(list(awaited), timeout=POLL)
        return [awaited[each] for each in ready]

    def _advance(self, running: _Running) -> Iterator[Event]:
        try:
            answer = self.ray.get(running.awaited)
        except self.ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, GzslBenchError):
                raise cause from None
            yield from self._lost(running, _reason(error))
            return
        if isinstance(answer, Started):
            running.begun, running.since = True, time.monotonic()
            self._forget_token(running)
            yield replace(answer, attempt=running.attempt)
            running.awaited = running.attendant.look.remote(LOOK)
            if self.executor.stopping:
                running.attendant.stop.remote()
            return
        yield from self._seen(running, answer)

    def _seen(self, running: _Running, look: Look) -> Iterator[Event]:
        if look.change is not None and running.job.folder is not None:
            put_in_place(look.change, running.job.folder, running.names)
            running.names = look.change.names
        if look.ended is None:
            running.awaited = running.attendant.look.remote(LOOK)
            return
        self.running.remove(running)
        failure = look.ended.failure
        events: list[Event] = [look.ended]
        if failure is not None and failure.kind == "died":
            events = self._died(running, failure.what, look.ended.seconds)
        self._next_for(running)
        yield from events

    def _next_for(self, running: _Running) -> None:
        """Another job of the same shape for the attendant, which has torch imported, or its end."""
        nodes = working_nodes()
        alike = [each for each in self.waiting if nodes and self._shape(each[0], nodes) == running.shape]
        if alike and not self.executor.stopping:
            self.waiting.remove(alike[0])
            self.waiting.appendleft(alike[0])
            self._hand_over(running.shape, running.attendant)
            return
        self._end(running)

    def _lost(self, running: _Running, why: str) -> Iterator[Event]:
        """The attendant died, or its node."""
        self.running.remove(running)
        self._end(running)
        if not running.begun:
            yield Started(running.job.id, "a node that was lost", running.attempt)
        yield from self._died(running, f"its worker was lost: {why}", time.monotonic() - running.since)

    def _died(self, running: _Running, what: str, seconds: float) -> list[Event]:
        """It is begun again, or this is its end."""
        if self.executor.stopping:
            return [Ended(running.job.id, seconds, failure=Failure("stopped", "killed on request"))]
        if running.attempt <= self.limits.retries:
            self.waiting.append((running.job, running.attempt + 1))
            return []
        times = f", {running.attempt} times" if running.attempt > 1 else ""
        return [Ended(running.job.id, seconds, failure=Failure("died", what + times))]

    def _ask_to_stop(self) -> None:
        for running in list(self.running):
            if running.begun:
                running.attendant.stop.remote()
            else:
                self.running.remove(running)
                self._end(running)

    def _killed(self) -> Iterator[Event]:
        while self.running:
            running = self.running.pop()
            self._end(running)
            if running.begun:
                seconds = time.monotonic() - running.since
                yield Ended(running.job.id, seconds, failure=Failure("stopped", "killed on request"))

    def _end(self, running: _Running) -> None:
        self._forget_token(running)
        with suppress(Exception):  # the cluster may be gone
            self.ray.kill(running.attendant)

    def _forget_token(self, running: _Running) -> None:
        if running.job.folder is not None:
            with suppress(OSError):
                (running.job.folder / running.token).unlink(missing_ok=True)
                if not running.begun:
                    running.job.folder.rmdir()  # if it is empty


def _reason(error: Exception) -> str:
    """What an error of Ray tells, in a line."""
    cause = getattr(error, "cause", None)
    if cause is not None:
        return f"{type(cause).__name__}: {cause}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if " is dead because " in line), lines[0] if lines else repr(error))
