"""Results of tuning, on the terminal and as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.report.printing import format_value, key_values, make_table
from gzslbench.runs.record import PERCENTAGES, Record
from gzslbench.sweeps.tuning.best_trial import BestTrial, TuneResult
from gzslbench.sweeps.tuning.trial_result import StudyResult

_TASK_OPTIONS = ("method", "dataset", "features", "semantics", "data")


def tuning_json(done: TuneResult, table: Path | None) -> dict[str, Any]:
    """Return everything: study, trials, the chosen parameters, and their test metrics."""
    tuning, result, best = done.tuning, done.result, done.best
    objective, study, test = tuning.objective, tuning.study, None
    if done.test is not None:
        record, folder = done.test
        test = {
            "run": record.id,
            "folder": str(folder.path),
            "status": record.status,
            "metrics": None if record.headline is None else record.headline.as_dict(),
            "tests_of_the_study": study.tested(),
        }
    return {
        "study": {"name": study.name, "file": str(study.path)},
        "method": objective.plan.spec.name,
        "dataset": objective.plan.dataset.name,
        "validation_task": objective.cell.task,
        "validation": list(objective.plan.dataset.notes),
        "seed": objective.cell.seed,
        "metric": objective.metric,
        "asked": tuning.request.trials,
        "run": result.run,
        "counts": result.counts,
        "spaces": {name: str(space) for name, space in tuning.spaces.items()},
        "preset": None if result.preset is None else asdict(result.preset),
        "best": asdict(best.trial),
        "params": dict(best.preset.values),
        "source": best.preset.source,
        "table": None if table is None else str(table),
        "test": test,
        "trials": [asdict(trial) for trial in result.trials],
    }


def tuning_report(done: TuneResult, table: Path | None) -> RenderableType:
    """Return counts of trials, chosen parameters next to the preset's, their metrics, and test metrics."""
    study, request, result = done.tuning.study, done.tuning.request, done.result
    counts = ", ".join(f"{count} {state}" for state, count in result.counts.items())
    title = f"study {study.name}: {result.run} of {request.trials} trials run ({counts})"
    parts: list[RenderableType] = [Text(title, style="bold"), Text(), _comparison(done), Text()]
    parts += [Text(line) for line in _notes(result, done.best)]
    where: dict[str, Any] = {"study": study.path}
    if done.test is not None:
        parts += [Text(), *_test(done.test[0], len(study.tested()))]
        where["record"] = done.test[1].record_file
    if table is not None:
        options = {name: getattr(request.run, name) for name in _TASK_OPTIONS} | {"preset": table}
        given = [(f"--{name}", str(value)) for name, value in options.items() if value is not None]
        where |= {"table": table, "next": shlex.join(["gzslbench", "run", *chain(*given)])}
    return Group(*parts, Text(), key_values(where))


def _comparison(done: TuneResult) -> Table:
    """Return a row per searched parameter, and the metrics of preset and choice on validation classes."""
    before, preset, best = done.tuning.objective.plan.params.as_dict(), done.result.preset, done.best
    rows: list[tuple[Any, ...]] = [
        (name, format_value(before[name]), format_value(best.preset.values[name]), str(space))
        for name, space in done.tuning.spaces.items()
    ]
    for name in PERCENTAGES:
        metrics = [trial.metrics[name] if trial and trial.metrics else None for trial in (preset, best.trial)]
        rows.append((f"{name} on validation classes", *metrics, ""))
    numbers = ["preset", f"chosen (trial {best.trial.number})"]
    return make_table(["parameter", *numbers, "searched in"], rows, numbers)


def _notes(result: StudyResult, choice: BestTrial) -> Iterator[str]:
    if choice.trial.number == 0:
        yield "No trial was better than the preset, so the preset is kept."
    last, best = (choice.trial.metrics or {}).get("epoch"), choice.trial.best_epoch
    if best is not None and best != last:
        yield f"Trials are judged at the last epoch, {last}, though H was highest at epoch {best}."
        yield "To choose epochs, use --search epochs=LOW..HIGH, or gzslbench run --select val."
    yield from (f"trial {trial.number}: {trial.failure}" for trial in result.trials if trial.failure)


def _test(record: Record, tests: int) -> Iterator[Text]:
    if record.headline is None:
        what = f"On all of trainval the chosen parameters diverged: {format_value(record.failure)}"
        yield Text(what, style="bold red")
        return
    numbers = "  ".join(f"{name} {value:.2f}" for name, value in record.headline.as_dict().items())
    yield Text(f"On the test rows, after training on all of trainval: {numbers}", style="bold")
    if tests > 1:
        what = f"This study has been tested {tests} times, with other choices before this one."
        yield Text(what, style="yellow")
