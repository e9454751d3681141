"""Tune a method on a dataset: from a request to an open study, and the loop that runs its trials."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gzslbench.errors import DeviceError, InterruptedRunError, ParamError
from gzslbench.plugins.search_space import Space
from gzslbench.runs.cell import Cell
from gzslbench.runs.plan import Request, make_plan
from gzslbench.runs.progress import Progress
from gzslbench.runs.store import Store
from gzslbench.sweep.tuning.objective import Objective, PrunedTrial
from gzslbench.sweep.tuning.spaces import search_spaces
from gzslbench.sweep.tuning.storage import check_ending, require_optuna

if TYPE_CHECKING:
    from optuna.trial import Trial

    from gzslbench.data.dataset import Dataset
    from gzslbench.sweep.tuning.study import Study
    from gzslbench.sweep.tuning.trial_result import StudyResult

Watch = Callable[[Cell], AbstractContextManager[Progress]]
Say = Callable[[str], None]
EVALUATIONS = 10
"""Number of evaluations of a trial that may be pruned, if the user does not say how often."""
POLL_S = 0.5
"""Time between two looks at what other processes do."""
_NAME = re.compile(r"[\w.+-]+")


@dataclass(frozen=True)
class TuneRequest:
    """What ``gzslbench tune`` takes.

    Attributes:
        run: Method, dataset and everything that is not searched, as for a run; its only seed is also that of
            the sampler.
        eval_every: Epochs between two evaluations of a trial, 0 for the end only; None: a tenth of the
            preset's epochs with pruning, else the end only.
        trials: Number of trials that the study shall have in total, in all processes.
        timeout: Start no trial after this many seconds.
        searches: ``name=space``, as of ``--search``.
        study: The file of the study; None: a file in ``results``.
        name: Name of the study in its file; None: method and dataset.
        sampler: ``tpe`` or ``random``.
        pruning: Whether trials that are worse than others are ended early.
        results: The results folder.
    """

    run: Request
    eval_every: int | None = None
    trials: int = 20
    timeout: float | None = None
    searches: tuple[str, ...] = ()
    study: Path | None = None
    name: str | None = None
    sampler: str = "tpe"
    pruning: bool = True
    results: Path = Path("results")


@dataclass(frozen=True)
class Tuning:
    """An open study, with what its trials need.

    Attributes:
        request: The request.
        objective: What computes the score of a trial.
        spaces: The space of each searched parameter.
        study: The trials.
    """

    request: TuneRequest
    objective: Objective
    spaces: Mapping[str, Space]
    study: Study

    @property
    def result(self) -> StudyResult:
        """What the trials came to so far."""
        return self.study.result


def open_tuning(request: TuneRequest, carried: Dataset | None = None) -> Tuning:
    """Resolve a request, and open its study or create it; nothing is trained.

    Args:
        request: The request.
        carried: Its dataset, if another process has sent it.

    Raises:
        GzslBenchError: optuna is not installed, or something cannot be resolved.
    """
    require_optuna()
    from gzslbench.sweep.tuning.study import Study

    if request.study is not None:
        check_ending(request.study)
    plan = make_plan(request.run, carried)
    if len(plan.cells) != 1:
        raise ParamError("a study has one seed", where="--seed", fix="give --seed once")
    (cell,), params, every = plan.cells, plan.params.as_dict(), request.eval_every
    if every is None:
        every = max(1, params.get("epochs", 1) // EVALUATIONS) if request.pruning else 0
    epochs = () if request.run.epochs is None else (f"epochs={request.run.epochs}",)
    spaces = search_spaces(plan.spec, plan.params, (*request.run.settings, *epochs), request.searches)
    objective = Objective(replace(plan, cells=[replace(cell, eval_every=every)]))
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
    }
    path = request.study or request.results / "studies" / f"{name}.journal"
    study = Study(path, name, about, spaces, {name: params[name] for name in spaces})
    return Tuning(request, objective, spaces, study)


def search(tuning: Tuning, watch: Watch, say: Say) -> None:
    """Run trials until the study has enough and none is running. Other processes may do the same.

    Raises:
        InterruptedRunError: The user stopped it; nothing is lost.
        StoreError: The study or a trial's folder cannot be written.
    """
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
