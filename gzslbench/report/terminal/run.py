"""One run on the terminal: its plan, its summary, everything about it, and the command that repeats it."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path, PurePath
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.data.variants import SHUFFLED
from gzslbench.plugins.head import SOFTMAX
from gzslbench.report.leaderboard.entry import HEAD, entry_of
from gzslbench.report.terminal.printing import key_values, make_console, make_table
from gzslbench.runs.plan import Plan
from gzslbench.runs.record import PERCENTAGES, RULES, SELECTIONS, Record, Summary
from gzslbench.runs.store import DEFAULT_ROOT, RunFolder, Store

CHOSEN_ON = {
    "last": "nothing (last)",
    "val": "validation",
    "test-peek": "TEST epoch+head",
    "test-peek-inner": "TEST head",
    "test-peek-outer": "TEST epoch",
}
_NOT_LISTED = ("class_names", "files", "notes")
_PROGRAMS = ("gzslbench", "__main__.py")
_PLACES = ("--dataset", "--data", "--results")
_CELL_OPTIONS = ("eval_every", "select", "preprocessing", "device", "precision")
_MAX_SVG_WIDTH, _SVG_HEIGHT = 160, 25
"""In characters; the height has no effect, but without one rich sets a dumb terminal to 80 columns."""


def metrics_table(record: Record) -> Table:
    """Return the metrics in percent by selection rule, with the chosen epochs and what they were chosen on.

    The run's own rule is bold; rules that choose on the test set are yellow and say so.
    """
    table = make_table(["selection"], [*PERCENTAGES, "epoch", "head"])
    table.add_column("chosen on")
    for rule in RULES:
        if rule in record.metrics:
            numbers = record.metrics[rule]
            scores = [f"{value:.2f}" for value in numbers.percentages().values()]
            epochs = [str(numbers.epoch), str(numbers.head_epoch)]
            style = "bold green" if rule == record.selection else ""
            style = style if rule in SELECTIONS else "yellow"
            table.add_row(rule, *scores, *epochs, CHOSEN_ON[rule], style=style)
    return table


def run_summary(record: Record, folder: RunFolder) -> RenderableType:
    """Return the result of a run, where it is stored, and what to type next."""
    cell, task = record.cell, record.task
    title = f"{cell.method} on {task.dataset}, seed {cell.seed}: {record.status}"
    parts: list[RenderableType] = [Text(title, style="bold" if record.status == "complete" else "bold red")]
    if record.failure is not None:
        parts += [Text(f"{name}: {value}") for name, value in asdict(record.failure).items()]
    if record.metrics:
        parts += [Text(), metrics_table(record), Text()]
    root = folder.path.parent
    results = [] if root == Path(DEFAULT_ROOT) else ["--results", str(root)]
    show = shlex.join(["gzslbench", "show", folder.id, *results])
    parts.append(key_values({"task": task.id, "record": folder.record_file, "next": show}))
    return Group(*parts)


def print_run(record: Record, folder: RunFolder) -> None:
    """Print the summary to standard output."""
    make_console().print(run_summary(record, folder))


def summary_svg(record: Record, folder: RunFolder) -> str:
    """Return the summary as an SVG image, in the terminal's colours, as wide as its longest line."""
    summary = run_summary(record, folder)
    width = Console(width=_MAX_SVG_WIDTH, height=_SVG_HEIGHT).measure(summary).maximum
    console = Console(
        record=True,
        file=io.StringIO(),
        width=width,
        height=_SVG_HEIGHT,
        force_terminal=True,
        color_system="truecolor",
        no_color=False,
        highlight=False,
    )
    console.print(summary)
    svg = console.export_svg(title="gzslbench")
    # rich refers to fonts on the web; without them the image needs no network
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def run_description(record: Record, folder: RunFolder) -> RenderableType:
    """Return all of a record: metrics, settings, task, environment, files, and how to repeat it."""
    parts: list[RenderableType] = [Text(f"{record.id}: {record.status}", style="bold"), Text()]
    if record.metrics:
        parts += [metrics_table(record), Text()]
    files = {path.name: path for path in sorted(folder.path.iterdir()) if path.name != "lock"}
    for title, values in {**record_sections(record), "files": files}.items():
        if values:
            parts += [Text(title, style="bold"), key_values(values), Text()]
    command = Text(f"  {repeat_command(record)}", no_wrap=True, overflow="ignore")
    return Group(*parts, Text("repeat it", style="bold"), command)


def record_sections(record: Record) -> dict[str, Mapping[str, Any]]:
    """Return what a record contains apart from its metrics, by title; a section may be empty."""
    values = record.as_dict()
    cell = values["cell"]
    params = cell.pop("params")
    task = {name: value for name, value in values["task"].items() if name not in _NOT_LISTED}
    notes = {f"note {i}": note for i, note in enumerate(record.task.notes or (), 1)}
    run = {name: value for name, value in values["run"].items() if name != "command"}
    return {
        "settings": {**cell, "setting": record.setting},
        "parameters": params,
        "task": {**task, **notes},
        "data files (sha256)": record.task.files or {},
        "validation": values["validation"] or {},
        "failure": values["failure"] or {},
        "environment": {**run, "parameters trained": record.parameters},
    }


def repeat_command(record: Record) -> str:
    """Return the ``gzslbench run`` command of exactly this cell, even if presets have changed since.

    The places of data and results are those of the command that made the run. Where another command or
    program made it, they are the usual ones, so its dataset must be found by its name.
    """
    return shlex.join(["gzslbench", "run", *map(str, _run_options(record)), "--rerun"])


def _run_options(record: Record) -> Iterator[Any]:
    cell, task, places = record.cell, record.task, _places_in_command(record)
    semantics, _, shuffled = task.semantics.partition(SHUFFLED)
    yield from ("--method", cell.method, "--dataset", places.pop("--dataset", task.dataset))
    for name, value in (("features", task.features), ("semantics", semantics)):
        if value:
            yield from (f"--{name}", value)
    if shuffled:
        yield from ("--shuffle-semantics", shuffled)
    if cell.head not in (None, SOFTMAX):
        yield from ("--head", cell.head)
    for name, value in entry_of(Summary.of(record)).changes.items():
        of_head = name.removeprefix(HEAD)
        yield from ("--set", f"{name}={value}") if of_head == name else ("--head-set", f"{of_head}={value}")
    for name in _CELL_OPTIONS:
        yield from (f"--{name.replace('_', '-')}", getattr(cell, name))
    if cell.deterministic:
        yield "--deterministic"
    yield from ("--seed", cell.seed)
    for place in places.items():
        yield from place


def _places_in_command(record: Record) -> dict[str, str]:
    """Return the folders named in the command that made the run, if that was ``gzslbench run``."""
    program, *arguments = record.run.command or [""]
    if PurePath(program).name not in _PROGRAMS or arguments[:1] != ["run"]:
        return {}
    places = {}
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, value = argument.partition("=")
        if name in _PLACES:
            places[name] = value if equals else following
    return places


def print_plan(plan: Plan, results: Path, *, as_json: bool = False) -> None:
    """Print what a run would do: task, settings with their source, and each cell's state in ``results``."""
    store = Store(results)
    states = {cell.id: _cell_state(store, cell.id) for cell in plan.cells}
    if as_json:
        for cell in plan.cells:
            print(json.dumps({"id": cell.id, "state": states[cell.id], **cell.as_dict()}))  # noqa: T201
        return
    settings = plan.cells[0].as_dict()
    params = settings.pop("params")
    settings.pop("seed")
    console = make_console()
    console.print(Text(f"{plan.spec.title} on {plan.dataset.name}, nothing is run", style="bold"))
    console.print(key_values(settings))
    console.print(Text(f"parameters: preset {plan.preset.table!r} ({plan.preset.source})", style="bold"))
    console.print(key_values(params))
    console.print(Text("runs", style="bold"))
    console.print(key_values(states))
    for note in plan.dataset.notes:
        console.print(Text(f"note: {note}"))


def _cell_state(store: Store, run: str) -> str:
    folder = store.run(run)
    if folder.has_ended():
        return "finished: would be shown, not run"
    if folder.path.is_dir() and any(folder.path.glob("checkpoint-*.pt")):
        return "interrupted: --resume continues it"
    return "would run"
