"""Results of tuning, on the terminal and as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.report.terminal.printing import format_value, key_values, make_table
from gzslbench.runs.record import PERCENTAGES, Record
from gzslbench.runs.store import RunFolder
from gzslbench.sweep.tuning.best_trial import BestTrial
from gzslbench.sweep.tuning.study import StudyResult, TrialResult
from gzslbench.sweep.tuning.tune import Tuning

Tested = tuple[Record, RunFolder]


def tuning_json(
    tuning: Tuning, result: StudyResult, choice: BestTrial, table: Path | None, tested: Tested | None
) -> dict[str, Any]:
    """Return everything: study, trials, the chosen parameters, and their test metrics."""
    objective, test = tuning.objective, None
    if tested is not None:
        record, folder = tested
        test = {
            "run": record.id,
            "folder": str(folder.path),
            "status": record.status,
            "metrics": None if record.headline is None else record.headline.percentages(),
            "tests_of_the_study": tuning.study.tested(),
        }
    return {
        "study": {"name": tuning.study.name, "file": str(tuning.study.path)},
        "method": objective.plan.spec.name,
        "dataset": objective.plan.dataset.name,
        "validation_task": objective.cell.task,
        "validation": list(objective.plan.dataset.notes),
        "seed": objective.cell.seed,
        "asked": tuning.request.trials,
        "run": result.run,
        "counts": result.counts,
        "spaces": {name: str(space) for name, space in tuning.spaces.items()},
        "preset": None if result.preset is None else result.preset.as_dict(),
        "best": choice.trial.as_dict(),
        "params": dict(choice.params),
        "source": choice.preset.source,
        "table": None if table is None else str(table),
        "test": test,
        "trials": [trial.as_dict() for trial in result.trials],
    }


def tuning_report(
    tuning: Tuning, result: StudyResult, choice: BestTrial, table: Path | None, tested: Tested | None
) -> RenderableType:
    """Return counts of trials, chosen parameters next to the preset's, their metrics, and test metrics."""
    counts = ", ".join(f"{count} {state}" for state, count in result.counts.items())
    title = f"study {tuning.study.name}: {result.run} of {tuning.request.trials} trials run ({counts})"
    parts = [Text(title, style="bold"), Text(), _comparison(tuning, result, choice), Text()]
    parts += [Text(line) for line in _notes(result, choice)]
    where: dict[str, Any] = {"study": tuning.study.path}
    if tested is not None:
        parts += [Text(), *_test(tested[0], len(tuning.study.tested()))]
        where["record"] = tested[1].record_file
    if table is not None:
        where |= {"table": table, "next": _command(tuning, table)}
    return Group(*parts, Text(), key_values(where))


def _comparison(tuning: Tuning, result: StudyResult, choice: BestTrial) -> Table:
    """Return a row per searched parameter, and the metrics of preset and choice on validation classes."""
    before = tuning.objective.plan.params.as_dict()
    rows: list[tuple[Any, ...]] = [
        (name, format_value(before[name]), format_value(choice.params[name]), str(space))
        for name, space in tuning.spaces.items()
    ]
    rows.append(("", "", "", ""))
    for name in PERCENTAGES:
        numbers = _metric(result.preset, name), _metric(choice.trial, name)
        rows.append((Text(f"{name} on validation classes", "bold" if name == "H" else ""), *numbers, ""))
    numbers_of = ["preset", f"chosen (trial {choice.trial.number})"]
    return make_table(["parameter", *numbers_of, "searched in"], rows, numbers_of)


def _metric(trial: TrialResult | None, name: str) -> float | None:
    return trial.metrics[name] if trial is not None and trial.metrics else None


def _notes(result: StudyResult, choice: BestTrial) -> Iterator[str]:
    if choice.trial.number == 0:
        yield "No trial was better than the preset, so the preset is kept."
    last, best = (choice.trial.metrics or {}).get("epoch"), choice.trial.best_epoch
    if best is not None and best != last:
        yield (
            f"Trials are judged at the last epoch, {last}, though H was highest at epoch {best}. To choose"
            " epochs, use `--search epochs=LOW..HIGH` or `gzslbench run --select val`."
        )
    yield from (f"trial {trial.number}: {trial.failure}" for trial in result.trials if trial.failure)


def _test(record: Record, tests: int) -> Iterator[Text]:
    if record.headline is None:
        what = f"On all of trainval the chosen parameters diverged: {format_value(record.failure)}"
        yield Text(what, style="bold red")
        return
    numbers = "  ".join(f"{name} {value:.2f}" for name, value in record.headline.percentages().items())
    yield Text(f"On the test rows, after training on all of trainval: {numbers}", style="bold")
    if tests > 1:
        what = f"This study has been tested {tests} times, with other choices before this one."
        yield Text(what, style="yellow")


def _command(tuning: Tuning, table: Path) -> str:
    """Return the run command that uses the table."""
    request = tuning.request.run
    command = ["gzslbench", "run", "--method", request.method, "--dataset", request.dataset]
    for name in ("features", "semantics", "data"):
        if getattr(request, name) is not None:
            command += [f"--{name}", str(getattr(request, name))]
    return shlex.join([*command, "--preset", str(table)])
