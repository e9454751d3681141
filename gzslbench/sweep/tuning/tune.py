"""Tuning a method on a dataset, from what a user asks for to a table of parameters."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gzslbench.errors import DeviceError, InterruptedRunError, ParamError
from gzslbench.plugins.search_space import Space
from gzslbench.runs.cell import Cell
from gzslbench.runs.plan import Plan, Request, make_plan
from gzslbench.runs.progress import Progress
from gzslbench.runs.store import Store
from gzslbench.sweep.tuning.extra import require_optuna
from gzslbench.sweep.tuning.file import beside, check_ending
from gzslbench.sweep.tuning.objective import HopelessTrial, Objective
from gzslbench.sweep.tuning.spaces import in_words, search_spaces

if TYPE_CHECKING:
    from optuna.trial import Trial

    from gzslbench.data.dataset import Dataset
    from gzslbench.sweep.tuning.result import Result
    from gzslbench.sweep.tuning.study import Study

Watch = Callable[[Cell], AbstractContextManager[Progress]]
Say = Callable[[str], None]
EVALUATIONS = 10
"""Of a trial, where it may be pruned and the user does not say how often."""
POLL = 0.5
"""Seconds between looks at what the other workers do."""
_NAME = re.compile(r"[\w.+-]+")


@dataclass(frozen=True)
class TuneRequest:
    """What ``gzslbench tune`` takes.

    Attributes:
        run: Method, dataset and all that is not searched, as for a run; its one seed is also the sampler's.
        eval_every: Epochs between evaluations of a trial; None: a tenth of the preset's epochs where there is
            pruning, else at the end only.
        trials: How many the study shall have in all, whoever runs them.
        timeout: Begin no trial after so many seconds.
        searches: ``name=space``, as of ``--search``.
        study: The file that keeps it; None: in ``results``.
        name: Of the study in its file; None: after method and dataset.
        sampler: ``tpe`` or ``random``.
        pruning: Whether hopeless trials are ended early.
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
    """A study that is open, with what its trials need.

    Attributes:
        request: What was asked for.
        objective: What a trial is judged by.
        spaces: Where the parameters are searched.
        study: Its trials.
    """

    request: TuneRequest
    objective: Objective
    spaces: Mapping[str, Space]
    study: Study

    @property
    def result(self) -> Result:
        """What there is of it now."""
        from gzslbench.sweep.tuning.result import result_of

        return result_of(self.study.trials)


def open_tuning(request: TuneRequest, carried: Dataset | None = None) -> Tuning:
    """Resolve what is asked for, and open its study or begin it; nothing is trained.

    Args:
        request: What is asked for.
        carried: Its dataset, where it came here from a process that has read it.

    Raises:
        GzslBenchError: optuna is not installed, or something cannot be resolved.
    """
    require_optuna()
    from gzslbench.sweep.tuning.study import Study

    if request.study is not None:
        check_ending(request.study)
    plan = _plan(request, carried)
    epochs = () if request.run.epochs is None else (f"epochs={request.run.epochs}",)
    spaces = search_spaces(plan.spec, plan.params, (*request.run.settings, *epochs), request.searches)
    objective = Objective(plan)
    name = _study_name(request, objective.cell)
    path = request.study or request.results / "studies" / f"{name}.journal"
    params = objective.plan.params.as_dict()
    study = Study(
        path, name, _about(request, objective.cell, spaces), spaces, {each: params[each] for each in spaces}
    )
    return Tuning(request, objective, spaces, study)


def search(tuning: Tuning, watch: Watch, say: Say) -> None:
    """Run trials until the study has as many as asked for, and none is under way; others may do the same.

    Raises:
        InterruptedRunError: The user stopped it; nothing is lost.
        StoreError: The study or a trial's folder cannot be written.
    """
    study, began = tuning.study, time.monotonic()
    timeout = tuning.request.timeout
    with study.crew.joined() as worker:
        while timeout is None or time.monotonic() - began < timeout:
            trial = study.take(worker, tuning.request.trials)
            if trial is not None:
                _run(tuning, trial, watch, say)
            elif study.others_are_at_work():
                time.sleep(POLL)
            else:
                break


def _run(tuning: Tuning, trial: Trial, watch: Watch, say: Say) -> None:
    """Run one trial to its end, or have it taken up again."""
    study, objective = tuning.study, tuning.objective
    title = f"trial {trial.number}"
    say(f"{title}: {assignments(trial.params)}")
    store = Store(beside(study.path, "trials") / study.name / str(trial.number))
    try:
        with watch(objective.cell) as progress:
            judged = objective(title, trial.params, store, partial(study.report, trial), progress)
    except HopelessTrial:
        study.prune(trial)
        say(f"{title}: pruned")
    except (DeviceError, ParamError) as error:
        study.fail(trial, error.what)
        say(f"{title}: failed: {error.what}")
    except InterruptedRunError as error:
        study.put_back(trial)
        raise stopped(study) from error
    except BaseException:
        study.put_back(trial)
        raise
    else:
        study.judge(trial, judged)
        say(f"{title}: " + ("diverged" if judged.failure else f"H {judged.H:.2f} on validation classes"))


def stopped(study: Study) -> InterruptedRunError:
    """What to tell who stopped it."""
    return InterruptedRunError(
        f"study {study.name} stopped as asked; all of it is kept",
        where=study.path,
        fix="repeat the command to go on from here",
    )


def assignments(values: Mapping[str, Any]) -> str:
    """Values as ``--set`` takes them."""
    return " ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in values.items()
    )


def _plan(request: TuneRequest, carried: Dataset | None) -> Plan:
    """The preset's plan, of one cell."""
    plan = make_plan(request.run, carried)
    if len(plan.cells) != 1:
        raise ParamError("a study has one seed", where="--seed", fix="give --seed once")
    every = request.eval_every
    if every is None:
        every = max(1, plan.params.as_dict().get("epochs", 1) // EVALUATIONS) if request.pruning else 0
    return replace(plan, cells=[replace(plan.cells[0], eval_every=every)])


def _study_name(request: TuneRequest, cell: Cell) -> str:
    if request.name is None:
        return re.sub(r"[^\w.+-]", "-", f"{cell.method}-{cell.dataset}")
    if not _NAME.fullmatch(request.name):
        raise ParamError(
            f"a study cannot be called {request.name!r}",
            where="--name",
            fix="write letters, digits, and any of _.+-",
        )
    return request.name


def _about(request: TuneRequest, cell: Cell, spaces: Mapping[str, Space]) -> dict[str, Any]:
    """All that must be the same for whoever goes on with the study."""
    fixed = {name: value for name, value in cell.params.items() if name not in spaces}
    return {
        **replace(cell, params={}).as_dict(),
        "params": fixed,
        "spaces": in_words(spaces),
        "sampler": request.sampler,
        "pruning": request.pruning,
    }
