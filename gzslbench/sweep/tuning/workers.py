"""A study whose trials run in processes that an executor starts, here or on other machines."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec

from gzslbench.errors import ExecutorError, StoreError
from gzslbench.plugins.executor import Ended, Executor, Failure, Job
from gzslbench.runs.plan import DatasetHandle
from gzslbench.runs.progress import Progress
from gzslbench.sweep.executors import stop_on_signals
from gzslbench.sweep.tuning.tune import Say, TuneRequest, Tuning, open_tuning, search, stopped_error

WORK = f"{__name__}:run_worker"
POLL_S = 1.0
"""Time between two looks at what became of the trials."""


def worker_jobs(request: TuneRequest, workers: int, gpus: float = 0.0, ship_data: bool = False) -> list[Job]:
    """Create the jobs of several workers of one study; each must see its file under the same path.

    Args:
        request: What they search.
        workers: Number of workers.
        gpus: The share of a GPU that each takes.
        ship_data: Send the dataset along, for machines that may not have it.
    """
    values = {**asdict(request), "run": request.run.for_a_worker(), "searches": list(request.searches)}
    argument = {
        name: str(value.absolute()) if isinstance(value, Path) else value for name, value in values.items()
    }
    shared = {"dataset": DatasetHandle.of(request.run)} if ship_data else {}
    return [Job(f"worker {number + 1}", WORK, argument, gpus, shared=shared) for number in range(workers)]


def run_worker(argument: Mapping[str, Any]) -> dict[str, Any]:
    """Run trials until the study has enough; returns how many have ended, and their counts by state.

    Raises:
        StoreError: The study's file cannot be seen from here.
        GzslBenchError: As ``open_tuning`` and ``search``.
    """
    values = dict(argument)
    dataset = values.pop("dataset", None)
    request = msgspec.convert(values, TuneRequest, dec_hook=lambda kind, text: kind(text))
    if request.study is None or not request.study.is_file():
        raise StoreError(
            f"{socket.gethostname()} does not see the study's file",
            where=request.study,
            fix="give --study a file that all nodes see under the same path",
        )
    tuning = open_tuning(request, dataset)
    search(tuning, lambda _cell: nullcontext(Progress()), lambda _line: None)
    return {"run": tuning.result.run, "counts": tuning.result.counts}


def search_with(tuning: Tuning, executor: Executor, workers: int, say: Say, ship_data: bool = False) -> None:
    """Run trials in several worker processes, until the study has enough.

    If a worker dies, its executor starts it again; if that does not help, the others continue without it.

    Raises:
        InterruptedRunError: The user stopped it; nothing is lost.
        ExecutorError: The executor cannot go on, or all workers failed.
    """
    failures: list[Failure] = []
    cuda = tuning.objective.cell.device == "cuda"
    gpus = tuning.objective.plan.spec.gpu_share if cuda else 0.0
    request = replace(tuning.request, study=tuning.study.path, name=tuning.study.name)
    stopping = "stopping after saving; Ctrl-C again stops at once"
    with stop_on_signals(executor, lambda: say(stopping)), _trials_reported(tuning, say):
        for event in executor.run(worker_jobs(request, workers, gpus, ship_data)):
            if isinstance(event, Ended) and event.failure is not None:
                failures.append(event.failure)
                say(f"{event.job} {event.failure.kind}: {event.failure.what}")
    if any(failure.kind == "stopped" for failure in failures):
        raise stopped_error(tuning.study)
    if len(failures) == workers:
        raise ExecutorError(
            f"all workers failed, the last one because {failures[-1].what}",
            where=tuning.study.path,
            fix="fix that and repeat the command, which continues the study",
        )


@contextmanager
def _trials_reported(tuning: Tuning, say: Say) -> Iterator[None]:
    """Inside, say what becomes of each trial, which run in other processes."""
    over, known = threading.Event(), set(map(str, tuning.result.trials))

    def report() -> None:
        for trial in tuning.result.trials:
            if trial.state != "waiting" and str(trial) not in known:
                known.add(str(trial))
                say(str(trial))

    def watch() -> None:
        while not over.wait(POLL_S):
            report()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        report()
