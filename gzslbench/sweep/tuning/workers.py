"""A study whose trials run in processes that an executor begins, here or on other machines."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from gzslbench.errors import ExecutorError
from gzslbench.plugins.executor import Ended, Executor, Failure
from gzslbench.sweep.executors.factory import stop_on_signals
from gzslbench.sweep.tuning.job import jobs
from gzslbench.sweep.tuning.result import TrialResult
from gzslbench.sweep.tuning.tune import Say, Tuning, assignments, stopped

LOOK = 1.0
"""Seconds between looks at what has become of the trials."""


def search_with(tuning: Tuning, executor: Executor, workers: int, say: Say, carry: bool = False) -> None:
    """Have ``workers`` jobs run trials, until the study has as many as asked for.

    A worker that dies is begun again by its executor; where that does not help, the others go on without it.
    ``carry`` sends the data along, for machines that may not have them.

    Raises:
        InterruptedRunError: The user stopped it; nothing is lost.
        ExecutorError: The executor cannot go on, or all workers failed.
    """
    failures = []
    cuda = tuning.objective.cell.device == "cuda"
    gpus = tuning.objective.plan.spec.gpu_share if cuda else 0.0

    def stopping() -> None:
        say("stopping: what runs is saved first; again to stop at once")

    request = replace(tuning.request, study=tuning.study.path, name=tuning.study.name)
    with stop_on_signals(executor, stopping), _told(tuning, say):
        for event in executor.run(jobs(request, workers, gpus, carry)):
            if isinstance(event, Ended) and event.failure is not None:
                failures.append(event.failure)
                say(f"{event.job} {event.failure.kind}: {event.failure.what}")
    _judge(tuning, failures, workers)


def _judge(tuning: Tuning, failures: list[Failure], workers: int) -> None:
    if any(failure.kind == "stopped" for failure in failures):
        raise stopped(tuning.study)
    if len(failures) == workers:
        raise ExecutorError(
            f"all workers failed, the last one because {failures[-1].what}",
            where=tuning.study.path,
            fix="the study is kept: once that is mended, repeat the command",
        )


@contextmanager
def _told(tuning: Tuning, say: Say) -> Iterator[None]:
    """Say what becomes of each trial meanwhile."""
    over, known = threading.Event(), {trial.number: trial.state for trial in tuning.result.trials}

    def tell() -> None:
        for trial in tuning.result.trials:
            before = known.get(trial.number, "waiting")
            if before == "waiting" and trial.state not in ("waiting", "running"):
                say(_begun(trial))
            if before != trial.state and trial.state != "waiting":
                say(_line(trial))
            known[trial.number] = trial.state

    def watch() -> None:
        while not over.wait(LOOK):
            tell()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        tell()


def _begun(trial: TrialResult) -> str:
    return f"trial {trial.number}: {assignments(trial.values)}"


def _line(trial: TrialResult) -> str:
    if trial.state == "running":
        return _begun(trial)
    if trial.state == "finished":
        return f"trial {trial.number}: H {trial.H:.2f} on validation classes"
    return f"trial {trial.number}: {trial.state}" + (f": {trial.failure}" if trial.failure else "")
