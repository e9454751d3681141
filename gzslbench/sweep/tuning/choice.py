"""What a study chose: its table, and its one look at the test rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from gzslbench import __version__
from gzslbench.errors import InterruptedRunError, StoreError
from gzslbench.plugins.params import build
from gzslbench.plugins.presets import Preset
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.plan import Plan, make_plan
from gzslbench.runs.record import Record
from gzslbench.runs.store import Store
from gzslbench.sweep.tuning.result import Result, TrialResult
from gzslbench.sweep.tuning.table import table_text
from gzslbench.sweep.tuning.tune import Tuning, Watch, stopped


@dataclass(frozen=True)
class Choice:
    """The best trial, as the preset of runs to come.

    Attributes:
        trial: The trial.
        params: Every parameter of the method.
        preset: Its table.
    """

    trial: TrialResult
    params: Mapping[str, Any]
    preset: Preset

    def table(self, method: str) -> str:
        """TOML that ``gzslbench run --preset`` takes."""
        return table_text(self.preset.table, method, self.preset.source, self.params)


def choice_of(tuning: Tuning, result: Result) -> Choice:
    """The choice of the study as it stands.

    Raises:
        StoreError: No trial has finished.
    """
    best = result.best
    if best is None:
        reasons = dict.fromkeys(trial.failure for trial in result.trials if trial.failure)
        why = "; ".join(map(str, reasons)) or "none was run"
        raise StoreError(
            f"no trial of study {tuning.study.name} has finished: {why}",
            where=tuning.study.path,
            fix="narrow the spaces with --search, mend what failed, or ask for more --trials",
        )
    plan = tuning.objective.plan
    params = build(
        plan.spec.params, {**plan.params.as_dict(), **best.values}, f"trial {best.number}"
    ).as_dict()
    return Choice(best, params, Preset(_table(tuning), params, _source(tuning, result, best)))


def test_once(tuning: Tuning, choice: Choice, watch: Watch) -> tuple[Record, RunFolder]:
    """Train with the choice on all of trainval, and test at the end; the record is in the results folder.

    Where another worker is at it, that one's record is waited for.

    Raises:
        InterruptedRunError: The user stopped it; it can be gone on with.
        GzslBenchError: As a run.
    """
    plan = _plan(tuning, choice)
    (cell,) = plan.cells
    with tuning.study.finishing():
        tuning.study.note_test(choice.trial.number, cell.id)
        try:
            with watch(cell) as progress:
                return run_cell(plan, cell, Store(tuning.request.results), Options(resume=True), progress)
        except InterruptedRunError as error:
            raise stopped(tuning.study) from error


def _plan(tuning: Tuning, choice: Choice) -> Plan:
    """The whole task's plan, evaluated at the end alone."""
    plan = make_plan(replace(tuning.request.run, eval_every=0, select="last"))
    params = build(plan.spec.params, choice.params, choice.preset.source)
    cells = [replace(plan.cells[0], params=params.as_dict())]
    return replace(plan, params=params, preset=choice.preset, cells=cells)


def _table(tuning: Tuning) -> str:
    """``DATASET``, or ``DATASET/semantics`` where the user named them."""
    dataset = tuning.objective.plan.dataset
    named = tuning.request.run.semantics is not None
    return f"{dataset.name}/{dataset.semantics_name}" if named else dataset.name


def _source(tuning: Tuning, result: Result, best: TrialResult) -> str:
    study, cell, preset = tuning.study, tuning.objective.cell, result.preset
    of_preset = "not finished" if preset is None or preset.H is None else f"{preset.H:.2f}"
    counts = ", ".join(f"{count} {state}" for state, count in result.counts.items())
    date = datetime.now(timezone.utc).date()
    return (
        f"tuned: {result.run} trials ({counts}) of study {study.name} in {study.path.name}, seed {cell.seed};"
        f" trial {best.number} has H {best.H:.2f} on the validation classes inside trainval ({cell.task}) at"
        f" its last epoch, the preset {of_preset}; by gzslbench {__version__}, {date}"
    )
