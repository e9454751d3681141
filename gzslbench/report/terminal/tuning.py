"""Results of tuning, on the terminal and as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.report.terminal.printing import MISSING, format_value, key_values, make_table
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
    objective = tuning.objective
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
        "test": None if tested is None else _test_json(tuning, tested),
        "trials": [trial.as_dict() for trial in result.trials],
    }


def tuning_report(
    tuning: Tuning, result: StudyResult, choice: BestTrial, table: Path | None, tested: Tested | None
) -> RenderableType:
    """Return counts of trials, chosen parameters next to the preset's, their metrics, and test metrics."""
    counts = ", ".join(f"{count} {state}" for state, count in result.counts.items())
    title = f"study {tuning.study.name}: {result.run} of {tuning.request.trials} trials run ({counts})"
    parts: list[RenderableType] = [
        Text(title, style="bold"),
        Text(),
        _parameters(tuning, result, choice),
        Text(),
    ]
    parts += [Text(line) for line in _notes(result, choice)]
    where: dict[str, Any] = {"study": tuning.study.path}
    if tested is not None:
        parts += [Text(), *_test(tuning, tested)]
        where["record"] = tested[1].record_file
    if table is not None:
        where |= {"table": table, "next": _command(tuning, table)}
    return Group(*parts, Text(), key_values(where))


def _parameters(tuning: Tuning, result: StudyResult, choice: BestTrial) -> Table:
    """Return a row per searched parameter, and the metrics of preset and choice on validation classes."""
    table = make_table(["parameter"], ["preset", f"chosen (trial {choice.trial.number})"])
    table.add_column("searched in")
    before = tuning.objective.plan.params.as_dict()
    for name, space in tuning.spaces.items():
        cells = (name, format_value(before[name]), format_value(choice.params[name]), str(space))
        table.add_row(*(Text(cell) for cell in cells))
    table.add_row()
    for name in PERCENTAGES:
        both = _metric(result.preset, name), _metric(choice.trial, name)
        table.add_row(f"{name} on validation classes", *both, style="bold" if name == "H" else "")
    return table


def _notes(result: StudyResult, choice: BestTrial) -> Iterator[str]:
    if choice.trial.number == 0:
        yield "No trial was better than the preset, so the preset is kept."
    last = (choice.trial.metrics or {}).get("epoch")
    best = choice.trial.best_epoch
    if best is not None and best != last:
        yield (
            f"Trials are judged at the last epoch, {last}, though H was highest at epoch {best}. To choose"
            " epochs, use `--search epochs=LOW..HIGH` or `gzslbench run --select val`."
        )
    for trial in result.trials:
        if trial.failure is not None:
            yield f"trial {trial.number}: {trial.failure}"


def _test(tuning: Tuning, tested: Tested) -> Iterator[RenderableType]:
    record, _ = tested
    if record.headline is None:
        yield Text(
            f"On all of trainval the chosen parameters diverged: {format_value(record.failure)}",
            style="bold red",
        )
        return
    numbers = "  ".join(f"{name} {value:.2f}" for name, value in record.headline.percentages().items())
    yield Text(f"On the test rows, after training on all of trainval: {numbers}", style="bold")
    tests = len(tuning.study.tested())
    if tests > 1:
        yield Text(
            f"This study has been tested {tests} times, with other choices before this one.", style="yellow"
        )


def _test_json(tuning: Tuning, tested: Tested) -> Mapping[str, Any]:
    record, folder = tested
    return {
        "run": record.id,
        "folder": str(folder.path),
        "status": record.status,
        "metrics": None if record.headline is None else record.headline.percentages(),
        "tests_of_the_study": tuning.study.tested(),
    }


def _command(tuning: Tuning, table: Path) -> str:
    """Return the run command that uses the table."""
    request = tuning.request.run
    command = ["gzslbench", "run", "--method", request.method, "--dataset", request.dataset]
    for name in ("features", "semantics", "data"):
        if getattr(request, name) is not None:
            command += [f"--{name}", str(getattr(request, name))]
    return shlex.join([*command, "--preset", str(table)])


def _metric(trial: TrialResult | None, name: str) -> str:
    return MISSING if trial is None or not trial.metrics else f"{trial.metrics[name]:.2f}"
