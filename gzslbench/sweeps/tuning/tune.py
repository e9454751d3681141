"""Tune a method on a dataset: open its study, and run the trials here or in processes of an executor."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from gzslbench.errors import (
    DeviceError,
    ExecutorError,
    GzslBenchError,
    InterruptedRunError,
    ParamError,
    StoreError,
)
from gzslbench.plugins.executor import Ended, Executor, Failure, Job
from gzslbench.plugins.params import Space
from gzslbench.runs.plan import DatasetHandle, Request, make_plan
from gzslbench.runs.progress import Progress, Watch
from gzslbench.runs.store import Store
from gzslbench.sweeps.executors import stop_on_signals
from gzslbench.sweeps.tuning.objective import Objective, PrunedTrial
from gzslbench.sweeps.tuning.spaces import search_spaces

if TYPE_CHECKING:
    from optuna.trial import Trial

    from gzslbench.data.dataset import Dataset
    from gzslbench.sweeps.tuning.study import Study
    from gzslbench.sweeps.tuning.trial_result import StudyResult

Say = Callable[[str], None]
EVALUATIONS = 10
"""Number of evaluations of a trial that may be pruned, if the user does not say how often."""
POLL_S = 0.5
"""Time between two looks at what other processes do."""
REPORT_S = 1.0
"""Time between two reports of what became of the workers' trials."""
WORK = f"{__name__}:run_worker"
_NAME = re.compile(r"[\w.+-]+")


@dataclass(frozen=True)
class TuneRequest:
    """The options of ``gzslbench tune``, by the same names.

    ``run`` is everything that is not searched, as for a run; its only seed is also that of the sampler.
    """

    run: Request
    eval_every: int | None = None
    trials: int = 20
    timeout: float | None = None
    searches: tuple[str, ...] = ()
    metric: str = "H"
    study: Path | None = None
    name: str | None = None
    sampler: str = "tpe"
    pruning: bool = True
    results: Path = Path("results")


@dataclass(frozen=True)
class Tuning:
    """An open study, with what its trials need: what computes their scores, and the searched spaces.

    ``carried`` is the dataset, if it was not loaded by its name.
    """

    request: TuneRequest
    objective: Objective
    spaces: Mapping[str, Space]
    study: Study
    carried: Dataset | None = None

    @property
    def result(self) -> StudyResult:
        """What the trials came to so far."""
        return self.study.result


def require_optuna() -> None:
    """Check that optuna is installed, without importing it."""
    if find_spec("optuna") is None:
        what = "tuning needs optuna, which is not installed"
        raise GzslBenchError(what, fix="pip install 'gzslbench[tune]'")


def open_tuning(request: TuneRequest, carried: Dataset | None = None) -> Tuning:
    """Resolve a request, and open its study or create it; nothing is trained.

    ``carried`` is the dataset, if another process has sent it, or a program made it.
    """
    require_optuna()
    from gzslbench.sweeps.tuning.study import DATABASES, JOURNALS, Study

    if request.study is not None and request.study.suffix not in (*JOURNALS, *DATABASES):
        what = f"a file of a study cannot end in {request.study.suffix!r}"
        fix = f"write {', '.join(JOURNALS)} for a journal, {', '.join(DATABASES)} for a database"
        raise ParamError(what, where=f"--study {request.study}", fix=fix)
    plan = make_plan(request.run, carried)
    if len(plan.cells) != 1:
        raise ParamError("a study has one seed", where="--seed", fix="give --seed once")
    (cell,), params, every = plan.cells, plan.params.as_dict(), request.eval_every
    if every is None:
        every = max(1, params.get("epochs", 1) // EVALUATIONS) if request.pruning else 0
    epochs = () if request.run.epochs is None else (f"epochs={request.run.epochs}",)
    spaces = search_spaces(plan.spec, plan.params, (*request.run.settings, *epochs), request.searches)
    objective = Objective(replace(plan, cells=[replace(cell, eval_every=every)]), request.metric)
    name = request.name or re.sub(r"[^\w.+-]", "-", f"{cell.method}-{cell.dataset}")
    if not _NAME.fullmatch(name):
        fix = "write letters, digits, and any of _.+-"
        raise ParamError(f"a study cannot be called {name!r}", where="--name", fix=fix)
    about = {  # everything that must be the same for a process that continues the study
        **replace(objective.cell, params={}).as_dict(),
        "params": {name: value for name, value in params.items() if name not in spaces},
        "spaces": {name: str(space) for name, space in spaces.items()},
        "sampler": request.sampler,
        "pruning": request.pruning,
        **({} if request.metric == "H" else {"metric": request.metric}),  # studies of 0.1 have none
    }
    path = request.study or request.results / "studies" / f"{name}.journal"
    study = Study(path, name, about, spaces, {name: getattr(plan.params, name) for name in spaces})
    return Tuning(request, objective, spaces, study, carried)


def search(tuning: Tuning, watch: Watch, say: Say) -> None:
    """Run trials until the study has enough and none is running. Other processes may do the same."""
    study, began = tuning.study, time.monotonic()
    timeout = tuning.request.timeout
    while timeout is None or time.monotonic() - began < timeout:
        trial = study.take(tuning.request.trials)
        if trial is not None:
            say(str(tuning.result.trials[trial.number]))
            _run_trial(tuning, trial, watch)
            say(str(tuning.result.trials[trial.number]))
        elif study.others_are_running():
            time.sleep(POLL_S)  # its process may die, and leave the trial to this one
        else:
            break


def _run_trial(tuning: Tuning, trial: Trial, watch: Watch) -> None:
    """Run one trial to its end, or put it back into the queue."""
    study, objective = tuning.study, tuning.objective
    store, report = Store(study.trial_folder(trial.number)), partial(study.report, trial)
    try:
        with watch(objective.cell) as progress:
            score = objective(f"trial {trial.number}", trial.params, store, report, progress)
    except PrunedTrial:
        study.give_up(trial)
    except (DeviceError, ParamError) as error:
        study.give_up(trial, error.what)
    except InterruptedRunError as error:
        study.put_back(trial)
        raise stopped_error(study) from error
    except BaseException:
        study.put_back(trial)
        raise
    else:
        study.finish(trial, score)


def stopped_error(study: Study) -> InterruptedRunError:
    """The error for a study that the user stopped."""
    what = f"study {study.name} was stopped; nothing is lost"
    return InterruptedRunError(what, where=study.path, fix="repeat the command to continue")


def worker_jobs(request: TuneRequest, workers: int, gpus: float = 0.0, ship_data: bool = False) -> list[Job]:
    """Create the jobs of several workers of one study; each must see its file under the same path."""
    values = {**asdict(request), "run": request.run.for_a_worker(), "searches": list(request.searches)}
    argument = {
        name: str(value.absolute()) if isinstance(value, Path) else value for name, value in values.items()
    }
    shared = {"dataset": DatasetHandle.of(request.run)} if ship_data else {}
    return [Job(f"worker {number + 1}", WORK, argument, gpus, shared=shared) for number in range(workers)]


def run_worker(argument: Mapping[str, Any]) -> dict[str, Any]:
    """Run trials until the study has enough; returns how many have ended, and their counts by state."""
    values = dict(argument)
    dataset = values.pop("dataset", None)
    request = msgspec.convert(values, TuneRequest, dec_hook=lambda kind, text: kind(text))
    if request.study is None or not request.study.is_file():
        what = f"{socket.gethostname()} does not see the study's file"
        fix = "give --study a file that all nodes see under the same path"
        raise StoreError(what, where=request.study, fix=fix)
    tuning = open_tuning(request, dataset)
    search(tuning, lambda _cell: nullcontext(Progress()), lambda _line: None)
    return {"run": tuning.result.run, "counts": tuning.result.counts}


def search_with(tuning: Tuning, executor: Executor, workers: int, say: Say, ship_data: bool = False) -> None:
    """Run trials in several worker processes, until the study has enough.

    If a worker dies, its executor starts it again; if that does not help, the others continue without it.
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
        what = f"all workers failed, the last one because {failures[-1].what}"
        fix = "fix that and repeat the command, which continues the study"
        raise ExecutorError(what, where=tuning.study.path, fix=fix)


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
        while not over.wait(REPORT_S):
            report()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        report()
