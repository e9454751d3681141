"""The contract of an executor: what runs jobs, on this machine or on others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

FailureKind = Literal["raised", "died", "timeout", "stopped"]


@dataclass(frozen=True)
class Job:
    """A call of a function in a process of its own.

    Attributes:
        id: A name that no other job of the same call has.
        work: ``package.module:function``. It is called with ``argument`` and returns a mapping of plain JSON
            types. If its process dies, it may be called again.
        argument: Its argument, in plain JSON types.
        gpus: The share of a GPU that it takes, from 0 (none) to 1 (a whole one).
        memory: Bytes of host memory that it is expected to take; 0 if unknown.
        folder: An absolute path that the job finds in ``argument["folder"]``; None if it leaves no files. It
            exists when the job starts, and what the job writes there is there once it has ended. All machines
            must see it.
        shared: Large values that can be pickled. The job finds them in its argument, under the same names. An
            executor of several machines sends an object to each machine once; its arrays may be read-only.
    """

    id: str
    work: str
    argument: Mapping[str, Any]
    gpus: float = 0.0
    memory: int = 0
    folder: Path | None = None
    shared: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """How much an executor runs at once, and how long it waits.

    Attributes:
        jobs: Jobs at once; None means as many as there are resources for.
        threads: Threads that a job computes with.
        timeout: Seconds after which a job is killed; None means never.
        retries: How often a job starts again after its process died.
        address: Address of a cluster; None means this machine.
    """

    jobs: int | None = None
    threads: int = 1
    timeout: float | None = None
    retries: int = 2
    address: str | None = None


@dataclass(frozen=True)
class Failure:
    """Why a job has no result.

    Attributes:
        kind: ``raised``: it raised an exception. ``died``: its process died, at each attempt. ``timeout``: it
            took too long. ``stopped``: the user stopped it.
        what: The reason, in one line.
        traceback: Where it raised; empty if it did not, or if the user can fix it without.
    """

    kind: FailureKind
    what: str
    traceback: str = ""


@dataclass(frozen=True)
class Started:
    """A job has started; ``attempt`` counts from 1."""

    job: str
    where: str
    attempt: int = 1


@dataclass(frozen=True)
class Ended:
    """A job has ended. One of ``result`` and ``failure`` is not None."""

    job: str
    seconds: float
    result: Mapping[str, Any] | None = None
    failure: Failure | None = None


Event = Started | Ended


class Executor(Protocol):
    """Runs jobs. The constructor takes ``Limits``, and raises ExecutorError if the executor cannot work."""

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Run all jobs in any order; of several jobs with one id, run one.

        Yields each start and each end as it happens, and one Ended for each job that has started. A failure
        ends its own job only. If the caller stops iterating, the running jobs are killed.

        Raises:
            ExecutorError: The executor itself cannot continue.
        """
        ...

    def stop(self) -> None:
        """Start no more jobs; the running ones save and end. A signal handler may call it."""
        ...

    def kill(self) -> None:
        """End the running jobs at once. A signal handler may call it."""
        ...


@dataclass(frozen=True)
class ExecutorSpec:
    """How ``gzslbench sweep --executor`` finds and loads an executor.

    Attributes:
        name: What ``--executor`` takes, in lower case with hyphens.
        title: What it is, in one line.
        load: ``package.module:Class`` of an ``Executor``, imported when jobs are run.
    """

    name: str
    title: str
    load: str
