"""The best trial of a study: its table of parameters, and its single test on the test rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from gzslbench import __version__
from gzslbench.data.dataset import Dataset
from gzslbench.errors import InterruptedRunError, ParamError, StoreError
from gzslbench.plugins.executor import Executor, Limits
from gzslbench.plugins.params import build
from gzslbench.plugins.presets import Preset
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.plan import make_plan
from gzslbench.runs.progress import Watch
from gzslbench.runs.record import Record
from gzslbench.runs.store import Store
from gzslbench.sweeps.executors import PluginExecutor
from gzslbench.sweeps.tuning.trial_result import StudyResult, TrialResult
from gzslbench.sweeps.tuning.tune import (
    Say,
    TuneRequest,
    Tuning,
    open_tuning,
    search,
    search_with,
    stopped_error,
)


@dataclass(frozen=True)
class BestTrial:
    """The best trial, and as a preset for runs every parameter of the method."""

    trial: TrialResult
    preset: Preset

    def table(self, method: str) -> str:
        """Write the TOML that ``gzslbench run --preset`` takes."""
        values = {"method": method, "source": self.preset.source, **self.preset.values}
        lines = [f"{key} = {_toml(value)}\n" for key, value in values.items()]
        return f"[{_toml(self.preset.table)}]\n{''.join(lines)}"


@dataclass(frozen=True)
class TuneResult:
    """What tuning came to; ``test`` is the run on the test rows, None without a test."""

    tuning: Tuning
    result: StudyResult
    best: BestTrial
    test: tuple[Record, RunFolder] | None


def run_tune(
    request: TuneRequest,
    watch: Watch,
    say: Say = lambda _line: None,
    *,
    executor: str = "local",
    workers: int | None = None,
    address: str | None = None,
    test: bool = True,
    on_best: Callable[[BestTrial], None] = lambda _best: None,
    carried: Dataset | None = None,
) -> TuneResult:
    """Run the trials of a study until it has enough, and test the best one.

    Args:
        request: What to search.
        watch: Shows the progress of a training in this process.
        say: Is called with a line about each trial.
        executor: The name of what starts worker processes.
        workers: Their number; None, with no other executor or address, runs the trials in this process.
        address: The address of a cluster; the dataset is sent along, for machines that may not have it.
        test: Whether to train with the best parameters on all of trainval, and test.
        on_best: Is called with the best trial before the test, which may take long.
        carried: The dataset, if it is not to be loaded by its name.

    Raises:
        InterruptedRunError: The user stopped it; the same call continues.
        StoreError: No trial has finished, or a file cannot be written.
        GzslBenchError: The request cannot be resolved, or the executor cannot continue.
    """
    started: Executor | None = None
    if workers is not None or executor != "local" or address is not None:
        if carried is not None:
            fix = "give its name or its folder, or leave workers out"
            raise ParamError("other processes cannot see a dataset in memory", where="dataset", fix=fix)
        started = PluginExecutor(executor, Limits(workers or 1, address=address))
    tuning = open_tuning(request, carried)
    if started is None:
        search(tuning, watch, say)
    else:
        search_with(tuning, started, workers or 1, say, address is not None)
    result = tuning.result
    best = find_best_trial(tuning, result)
    on_best(best)
    return TuneResult(tuning, result, best, test_once(tuning, best, watch) if test else None)


def find_best_trial(tuning: Tuning, result: StudyResult) -> BestTrial:
    """Find the best trial of a study; without a finished one, the StoreError says why."""
    best, study, plan = result.best, tuning.study, tuning.objective.plan
    if best is None:
        reasons = dict.fromkeys(trial.failure for trial in result.trials if trial.failure)
        why = "; ".join(map(str, reasons)) or "none was run"
        fix = "narrow the spaces with --search, fix what failed, or run more --trials"
        raise StoreError(f"no trial of study {study.name} has finished: {why}", where=study.path, fix=fix)
    params = build(plan.spec.params, {**plan.params.as_dict(), **best.values}, f"trial {best.number}")
    named = tuning.request.run.semantics is not None
    table = f"{plan.dataset.name}/{plan.dataset.semantics_name}" if named else plan.dataset.name
    source = _describe(tuning, result, best)
    return BestTrial(best, Preset(table, params.as_dict(), source))


def _describe(tuning: Tuning, result: StudyResult, best: TrialResult) -> str:
    """Say where the parameters of the best trial come from."""
    study, cell, preset = tuning.study, tuning.objective.cell, result.preset
    of_preset = "not finished" if preset is None or preset.value is None else f"{preset.value:.2f}"
    counts = ", ".join(f"{count} {state}" for state, count in result.counts.items())
    date = datetime.now(timezone.utc).date()
    return (
        f"tuned: {result.run} trials ({counts}) of study {study.name} in {study.path.name}, seed {cell.seed};"
        f" trial {best.number} has {tuning.request.metric} {best.value:.2f} on the validation classes inside"
        f" trainval ({cell.task}) at its last epoch, the preset {of_preset}; by gzslbench {__version__},"
        f" {date}"
    )


def test_once(tuning: Tuning, best: BestTrial, watch: Watch) -> tuple[Record, RunFolder]:
    """Train with the best parameters on all of trainval and test at the end, as an ordinary run.

    If another process does the same, its record is returned.
    """
    plan = make_plan(replace(tuning.request.run, eval_every=0, select="last"), tuning.carried)
    params = build(plan.spec.params, best.preset.values, best.preset.source)
    cell = replace(plan.cells[0], params=params.as_dict())
    plan = replace(plan, params=params, preset=best.preset, cells=[cell])
    with tuning.study.turn("final"):
        tuning.study.note_test(best.trial.number, cell.id)
        try:
            with watch(cell) as progress:
                return run_cell(plan, cell, Store(tuning.request.results), Options(resume=True), progress)
        except InterruptedRunError as error:
            raise stopped_error(tuning.study) from error


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)
