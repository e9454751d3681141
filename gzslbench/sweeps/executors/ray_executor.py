"""Run jobs as tasks of a Ray cluster, or of this machine as a cluster of one node.

Ray does the work. It places a task where cores, memory and a share of a GPU are free, gives it a process of
its own (``max_calls=1``), starts it again after a crash (``max_retries``), and keeps shared values in its
object store. A task that starts again continues from the checkpoint in its folder, which all nodes must see.
"""

from __future__ import annotations

import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gzslbench._version import VERSION
from gzslbench.errors import ExecutorError, GzslBenchError, first_line
from gzslbench.files import write_atomically, writing
from gzslbench.plugins.executor import Ended, Event, Failure, Job, Limits, Started
from gzslbench.sweeps.executors.ray_cluster import (
    Versions,
    check_folder,
    check_versions,
    connect,
    remove_probe,
    require_ray,
    this_node,
    versions_here,
    working_nodes,
    write_probe,
)
from gzslbench.sweeps.executors.worker_process import (
    STOP_GRACE_S,
    limit_threads,
    outcome_of,
    prepare_argument,
)

POLL_S = 0.2
"""Time between two looks at the clock and at requests to stop."""
HEAD = {"node:__internal_head__": 0.001}
"""Ray's name for a resource that only the head node has."""


@dataclass
class _Task:
    """A job that Ray has. ``began`` is None until a process has started it."""

    job: Job
    attempt: int = 0
    began: float | None = None
    timed_out: bool = False


class RayExecutor:
    """Submits jobs to Ray, one more than there is room for, and reports what becomes of them."""

    def __init__(self, limits: Limits) -> None:
        require_ray(limits.address)
        self.limits = limits
        self.stopping = False
        self.killing = False
        self.stop_at: float | None = None
        self.token = secrets.token_hex(8)
        self.tasks: dict[Any, _Task] = {}
        self.stored: dict[int, tuple[Any, Any]] = {}

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Run all jobs; see ``Executor.run``."""
        waiting = deque({job.id: job for job in jobs}.values())
        if waiting:
            with connect(self.limits):
                yield from self._run(waiting)

    def stop(self) -> None:
        """Start no more jobs and let the running ones save; see ``Executor.stop``."""
        self.stopping = True

    def kill(self) -> None:
        """End all jobs now; see ``Executor.kill``."""
        self.stopping = self.killing = True

    def _run(self, waiting: deque[Job]) -> Iterator[Event]:
        import ray
        from ray.util.queue import Queue

        self.ray, self.tasks, self.stored = ray, {}, {}
        self.remote = ray.remote(max_calls=1, max_retries=self.limits.retries)(run_job)
        # Ray does not say when a task starts. The tasks say so themselves, in a queue on the head node.
        self.starts = Queue(actor_options={"num_cpus": 0, "resources": HEAD})
        folders = [str(job.folder.parent) for job in waiting if job.folder is not None]
        self.root = Path(os.path.commonpath(folders)) if folders else None
        self._on_head(write_probe, self.token)
        try:
            while self.tasks or (waiting and not self.stopping):
                self._submit(waiting)
                ready = self._wait()
                yield from self._started()
                for reference in ready:
                    yield from self._ended(reference, self.tasks.pop(reference))
                self._cancel()
        finally:
            with suppress(Exception):  # the cluster may be gone
                self._cancel_all(force=True)
                self.starts.shutdown(force=True)
                self._on_head(remove_probe)

    def _submit(self, waiting: deque[Job]) -> None:
        """Give Ray one job more than there are cores for, so that a node that joins has work at once."""
        nodes = working_nodes() if waiting and not self.stopping else []
        environment = {name: text for name, text in os.environ.items() if name.startswith("GZSLBENCH_")}
        driver = (self.limits.threads, versions_here(), environment, self.root, self.token, self.starts)
        cores = sum(node["Resources"]["CPU"] for node in nodes)
        most = self.limits.jobs or int(cores / self.limits.threads) + 1
        while nodes and waiting and len(self.tasks) < most:
            job = waiting.popleft()
            order = replace(job, argument=prepare_argument(job), shared={})
            shared = {name: self._put(value) for name, value in job.shared.items()}
            task = self.remote.options(name=job.id, **_resources(job, self.limits.threads, nodes))
            self.tasks[task.remote(order, *driver, **shared)] = _Task(job)

    def _on_head(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do something in the results folder of the nodes, which the driver need not see."""
        if self.root is not None:
            task = self.ray.remote(num_cpus=0, resources=HEAD, max_calls=1)(work)
            self.ray.get(task.remote(self.root, *arguments))

    def _put(self, value: Any) -> Any:
        """Put a value into the object store, once. The value is kept, so that its id stays its own."""
        if id(value) not in self.stored:
            self.stored[id(value)] = value, self.ray.put(value)
        return self.stored[id(value)][1]

    def _wait(self) -> list[Any]:
        if not self.tasks:
            time.sleep(POLL_S)
            return []
        ready, _ = self.ray.wait(list(self.tasks), timeout=POLL_S)
        return list(ready)

    def _started(self) -> Iterator[Event]:
        by_id = {task.job.id: task for task in self.tasks.values()}
        for job, where in self.starts.get_nowait_batch(self.starts.size()):
            task = by_id[job]
            task.attempt, task.began = task.attempt + 1, time.monotonic()
            yield Started(job, where, task.attempt)

    def _ended(self, reference: Any, task: _Task) -> Iterator[Event]:
        result, failure = self._outcome(reference, task)
        if task.began is None:
            if failure is not None and failure.kind == "stopped":
                return
            task.began = time.monotonic()
            yield Started(task.job.id, "a node that was lost", 1)
        yield Ended(task.job.id, time.monotonic() - task.began, result, failure)

    def _outcome(self, reference: Any, task: _Task) -> tuple[Mapping[str, Any] | None, Failure | None]:
        """Get the job's result, or why it has none."""
        errors = self.ray.exceptions
        try:
            outcome = self.ray.get(reference)
            if task.job.folder is not None:
                write_files(outcome.get("files", {}), task.job.folder)
            return outcome.get("result"), Failure(**outcome["failure"]) if "failure" in outcome else None
        except errors.RayError as error:
            cause = error.cause if isinstance(error, errors.RayTaskError) else None
            if isinstance(cause, GzslBenchError):
                raise cause from None
            if task.timed_out:
                return None, Failure("timeout", f"it took longer than {self.limits.timeout:g} s")
            if self.stopping:
                return None, Failure("stopped", "killed on request")
            if cause is not None:  # not of the job, whose errors are in its outcome
                fix = f"install gzslbench {VERSION} and the same Python on each node"
                raise ExecutorError(f"a node cannot run jobs: {first_line(cause)}", fix=fix) from error
            times = f", {task.attempt} times" if task.attempt > 1 else ""
            return None, Failure("died", f"its worker was lost: {first_line(error)}{times}")

    def _cancel(self) -> None:
        """Cancel tasks that take too long, and all tasks when the user stops the sweep."""
        now = time.monotonic()
        if self.stopping and self.stop_at is None:
            self.stop_at = now + STOP_GRACE_S
            self._cancel_all(force=False)  # in the process of a task this is Ctrl-C
        if self.killing or (self.stop_at is not None and now > self.stop_at):
            self._cancel_all(force=True)
        for reference, task in self.tasks.items():
            late = self.limits.timeout is not None and now - (task.began or now) > self.limits.timeout
            if late and not task.timed_out:
                task.timed_out = True
                self.ray.cancel(reference, force=True)

    def _cancel_all(self, force: bool) -> None:
        for reference in self.tasks:
            self.ray.cancel(reference, force=force)


def run_job(
    job: Job,
    threads: int,
    versions: Versions,
    environment: Mapping[str, str],
    root: Path | None,
    token: str,
    starts: Any,
    **shared: Any,
) -> dict[str, Any]:
    """Run a job in a worker process of Ray, if this node may; return its outcome and the files of its folder.

    The files are returned because the driver may be on a machine that does not see the folder.
    """
    node = this_node()
    check_versions(versions, versions_here(), node)
    if root is not None and job.folder is not None:
        check_folder(root, token, node)
        with writing(job.folder, "the folder of a job cannot be created"):
            job.folder.mkdir(parents=True, exist_ok=True)
    for name, value in environment.items():
        os.environ.setdefault(name, value)
    limit_threads(threads)
    starts.put((job.id, f"process {os.getpid()} on {node}"))
    outcome = outcome_of(job.work, {**job.argument, **shared})
    return {
        **outcome,
        "files": read_files(job.folder) if job.folder is not None and "result" in outcome else {},
    }


def read_files(folder: Path) -> dict[str, bytes]:
    """Read all files below a folder in the order in which they were written; hidden ones are left out."""
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    files = [file for file in files if not any(part.startswith(".") for part in file.parts)]
    files.sort(key=lambda file: (folder / file).stat().st_mtime_ns)
    return {file.as_posix(): (folder / file).read_bytes() for file in files}


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files that differ from those in the folder: none, if the driver sees the nodes' folder."""
    for name, content in files.items():
        path = folder / name
        with writing(path, f"{name} cannot be written"):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file() and path.read_bytes() == content:
                continue
        write_atomically(path, content)


def _resources(job: Job, threads: int, nodes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a job takes, at most what the largest node has, so that any job can run."""

    def most(name: str) -> float:
        return max(float(node["Resources"].get(name, 0)) for node in nodes)

    return {
        "num_cpus": min(threads, most("CPU")),
        "num_gpus": min(job.gpus, 1.0) if most("GPU") else 0.0,
        "memory": min(job.memory, int(most("memory"))),
    }
