"""What tuning came to, on the terminal and as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.report.console.console import key_values
from gzslbench.report.console.description import words
from gzslbench.runs.record import PERCENTAGES, Record
from gzslbench.runs.store import RunFolder
from gzslbench.sweep.tuning.choice import Choice
from gzslbench.sweep.tuning.result import Result, TrialResult
from gzslbench.sweep.tuning.tune import Tuning

NONE = "–"
Tested = tuple[Record, RunFolder]


def tuning_json(
    tuning: Tuning, result: Result, choice: Choice, table: Path | None, tested: Tested | None
) -> dict[str, Any]:
    """All of it."""
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
    tuning: Tuning, result: Result, choice: Choice, table: Path | None, tested: Tested | None
) -> RenderableType:
    """What was run, the chosen parameters beside the preset's, validation H of both, and test H."""
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


def _parameters(tuning: Tuning, result: Result, choice: Choice) -> Table:
    """A row a searched parameter, and what both have on the validation classes."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("parameter", no_wrap=True)
    table.add_column("preset", justify="right")
    table.add_column(f"chosen (trial {choice.trial.number})", justify="right")
    table.add_column("searched in")
    before = tuning.objective.plan.params.as_dict()
    for name, space in tuning.spaces.items():
        cells = (name, words(before[name]), words(choice.params[name]), str(space))
        table.add_row(*(Text(cell) for cell in cells))
    table.add_row()
    for name in PERCENTAGES:
        both = _metric(result.preset, name), _metric(choice.trial, name)
        table.add_row(f"{name} on validation classes", *both, style="bold" if name == "H" else "")
    return table


def _notes(result: Result, choice: Choice) -> Iterator[str]:
    if choice.trial.number == 0:
        yield "No trial was better than the preset, which is kept."
    last = (choice.trial.metrics or {}).get("epoch")
    best = choice.trial.best_epoch
    if best is not None and best != last:
        yield (
            f"Judged at the last epoch, {last}; H was highest at epoch {best}, of which nothing follows:"
            " `--search epochs=LOW..HIGH` or `gzslbench run --select val` choose epochs."
        )
    for trial in result.trials:
        if trial.failure is not None:
            yield f"trial {trial.number}: {trial.failure}"


def _test(tuning: Tuning, tested: Tested) -> Iterator[RenderableType]:
    record, _ = tested
    if record.headline is None:
        yield Text(
            f"On all of trainval the chosen parameters diverged: {words(record.failure)}", style="bold red"
        )
        return
    numbers = "  ".join(f"{name} {record.headline[name]:.2f}" for name in PERCENTAGES)
    yield Text(f"On the test rows, after training on all of trainval: {numbers}", style="bold")
    looks = len(tuning.study.tested())
    if looks > 1:
        yield Text(
            f"This study has been tested {looks} times, with other choices before this one.", style="yellow"
        )


def _test_json(tuning: Tuning, tested: Tested) -> Mapping[str, Any]:
    record, folder = tested
    return {
        "run": record.id,
        "folder": str(folder.path),
        "status": record.status,
        "metrics": None if record.headline is None else {name: record.headline[name] for name in PERCENTAGES},
        "tests_of_the_study": tuning.study.tested(),
    }


def _command(tuning: Tuning, table: Path) -> str:
    """The run that takes the table."""
    asked = tuning.request.run
    words = ["gzslbench", "run", "--method", asked.method, "--dataset", asked.dataset]
    for name in ("features", "semantics", "data"):
        if getattr(asked, name) is not None:
            words += [f"--{name}", str(getattr(asked, name))]
    return shlex.join([*words, "--preset", str(table)])


def _metric(trial: TrialResult | None, name: str) -> str:
    return NONE if trial is None or not trial.metrics else f"{trial.metrics[name]:.2f}"
