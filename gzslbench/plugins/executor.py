"""What an executor is: whoever gets jobs done, on this machine or on others.

Nothing here imports torch, so listing executors stays quick.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

FailureKind = Literal["raised", "died", "timeout", "stopped"]


@dataclass(frozen=True)
class Job:
    """Work to be done once, in plain JSON types.

    Attributes:
        id: Unique among the jobs of a call.
        work: ``package.module:function``, called with ``argument`` in a process of its own; it returns a
            mapping of JSON types, and may be called again where its process died.
        argument: What it is called with.
        gpus: The share of a GPU that it takes, from 0 for none to 1 for a whole one.
        memory: Bytes that it is expected to take on the host; 0 where nobody knows.
        folder: An absolute path; None: it leaves no files. The job is told in ``argument["folder"]`` where
            to work: this folder, or one of the same name that has its files, on a machine that cannot
            reach it. Whatever the job leaves, below it, is here once it has ended; a job that dies with its
            machine may lose its last seconds. Files whose names begin with a dot stay behind.
        shared: Large values that can be pickled, in the argument too by their names. One that several jobs
            name, the same object, is brought to each machine once, and mapped into their memory.
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
    """How much an executor may do at once, and how long it waits.

    Attributes:
        jobs: At once; None: as many as there is room for.
        threads: That a job computes with.
        timeout: Seconds after which a job is killed; None: never.
        retries: How often a job whose process died is begun again.
        address: Of a cluster, for executors that go to one; None: this machine.
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
        kind: ``raised`` an exception; its process ``died``, as often as it was begun; ``timeout``; or
            ``stopped`` on request.
        what: In a line.
        traceback: Where it raised; empty otherwise.
    """

    kind: FailureKind
    what: str
    traceback: str = ""


@dataclass(frozen=True)
class Started:
    """A job was begun, perhaps not for the first time."""

    job: str
    where: str
    attempt: int = 1


@dataclass(frozen=True)
class Ended:
    """A job came to its end: ``result``, or else ``failure``."""

    job: str
    seconds: float
    result: Mapping[str, Any] | None = None
    failure: Failure | None = None


Event = Started | Ended


class Executor(Protocol):
    """Gets jobs done. The constructor takes ``Limits``, and raises ExecutorError where it cannot work."""

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Do all jobs, in whatever order, those of one id once.

        Yields each beginning and each end as they happen, one Ended for each job that was begun; a failure
        ends its job alone. When the caller stops iterating, what is under way is killed.

        Raises:
            ExecutorError: The executor itself cannot go on.
        """
        ...

    def stop(self) -> None:
        """Begin no more jobs, and ask those under way to save and end; a signal handler may call it."""
        ...

    def kill(self) -> None:
        """End those under way at once; a signal handler may call it."""
        ...


@dataclass(frozen=True)
class ExecutorSpec:
    """What ``gzslbench sweep --executor`` knows of an executor, and how to load it.

    Attributes:
        name: What ``--executor`` takes, in lower case with hyphens.
        title: What it is, in a line.
        load: ``package.module:Class``, an ``Executor``, imported when jobs are run.
    """

    name: str
    title: str
    load: str
