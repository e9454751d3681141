"""One run on the terminal: its plan, its summary, its profile, all about it, and how to repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path, PurePath
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.data.dataset import finetuning_note
from gzslbench.data.variants import SHUFFLED
from gzslbench.evaluation.metrics import find_chance
from gzslbench.evaluation.selection import RULES
from gzslbench.plugins.head import SOFTMAX
from gzslbench.report.leaderboard.entry import CELL_FIELDS, HEAD, changes_of
from gzslbench.report.leaderboard.stored_classes import Intervals, read_intervals
from gzslbench.report.printing import key_values, make_console, make_table, print_line
from gzslbench.report.published_data import dataset_label, training_note
from gzslbench.runs.cell import External
from gzslbench.runs.folder import CODE
from gzslbench.runs.plan import Plan
from gzslbench.runs.record import EXTERNAL, PERCENTAGES, Record, Summary
from gzslbench.runs.store import DEFAULT_ROOT, RunFolder, Store

if TYPE_CHECKING:
    from gzslbench.runs.profile import Profile

CHOSEN_ON = {
    "last-calibrated": "gamma: validation",
    "val-calibrated": "validation",
    "last": "nothing (last)",
    "val": "validation",
    "test-peek": "TEST epoch+head",
    "test-peek-inner": "TEST head",
    "test-peek-outer": "TEST epoch",
    "test-peek-gamma": "TEST gamma",
    EXTERNAL: "as its author states",
}
EPOCH_PEEKS = ("test-peek", "test-peek-inner", "test-peek-outer")
"""Rules that choose an epoch on the test rows; a closed form has none to choose."""
PROFILE_ROWS = 25
CAVEAT = "Tracing slows down operators, especially small ones, so all times are approximate."
_NOT_LISTED = ("class_names", "files", "notes")
_CELL_OPTIONS = (
    *("control", "eval_every", "eval_repeats", "select", "calibrate", "validation_features"),
    *("preprocessing", "device", "precision", "seed"),
)


def metrics_table(record: Record, intervals: Intervals | None = None) -> Table:
    """Return the metrics by selection rule; rules that choose on the test set are yellow and say so.

    ``intervals`` are those over classes, by metric, and stand below the numbers that the run reports.
    """
    rows, styles = [], []
    for rule in (*RULES, EXTERNAL):
        if rule in record.metrics and not (rule in EPOCH_PEEKS and record.metrics[rule].epoch == 0):
            numbers = record.metrics[rule]
            scores = numbers.as_dict().values()
            epochs = (None, None) if rule == EXTERNAL else (numbers.epoch, numbers.head_epoch)
            rows.append((rule, *scores, *epochs, CHOSEN_ON[rule]))
            own = "bold green" if rule == record.reported else ""
            styles.append("yellow" if rule.startswith("test") else own)
            if rule == record.reported and record.repeats:
                deviations = (f"± {value:.2f}" for value in record.spread.values())
                rows.append(("", *deviations, "", "", f"mean of {len(record.repeats)} evaluations"))
                styles.append("dim")
            if rule == record.reported and intervals:
                ends = [intervals.get(name) for name in PERCENTAGES]
                shown = ("–" if pair is None else "{:.1f} to {:.1f}".format(*pair) for pair in ends)
                missing = "; –: too few classes" if None in ends else ""
                rows.append(("", *shown, "", "", f"95 % over classes{missing}"))
                styles.append("dim")
    columns = (*PERCENTAGES, "epoch", "head")
    return make_table(["selection", *columns, "chosen on"], rows, columns, styles)


def bias_lines(record: Record) -> Iterator[str]:
    """Say how many test rows are given to the other side, and what was subtracted from seen classes.

    A last line says if the metrics without calibration are near chance.
    """
    for rule in dict.fromkeys((record.reported, record.selection)):
        numbers = record.metrics.get(rule)
        if numbers is not None and numbers.unseen_to_seen is not None:
            gamma = "" if numbers.gamma is None else f" (gamma {numbers.gamma:.4g})"
            yield (
                f"{rule}: {numbers.unseen_to_seen:.1f} % of unseen rows go to seen classes,"
                f" {numbers.seen_to_unseen:.1f} % of seen rows to unseen ones{gamma}"
            )
    if line := chance_line(record):
        yield f"warning: {line}"


def chance_line(record: Record) -> str:
    """Return a line if the metrics without calibration are near chance, and no control makes them so."""
    numbers, task = record.metrics.get(record.selection), record.task
    if numbers is None or record.control or not (task.seen_classes and task.unseen_classes):
        return ""
    return find_chance(numbers.S, numbers.T1, task.seen_classes, task.unseen_classes)


def run_summary(record: Record, folder: RunFolder) -> RenderableType:
    """Return the result of a run, where it is stored, and what to type next."""
    cell, task = record.cell, record.task
    control = f", control {record.control}" if record.control else ""
    name = cell.method if cell.external is None else f"{cell.external.name} (external)"
    title = f"{name} on {dataset_label(task)}, seed {cell.seed}{control}: {record.status}"
    parts: list[RenderableType] = [Text(title, style="bold" if record.status == "complete" else "bold red")]
    if record.failure is not None:
        parts.append(Text(str(record.failure)))
    if record.metrics:
        lines = filter(None, (*bias_lines(record), finetuning_note(task.notes)))
        parts += [Text(), metrics_table(record), *map(Text, lines), Text()]
    root = folder.path.parent
    results = [] if root == Path(DEFAULT_ROOT) else ["--results", str(root)]
    show = shlex.join(["gzslbench", "show", folder.id, *results])
    parts.append(key_values({"task": task.id, "record": folder.record_file, "next": show}))
    return Group(*parts)


def seeds_table(records: Sequence[Record]) -> RenderableType:
    """Return the mean and the standard deviation over the seeds of one setting, of what the runs report."""
    found = [record.headline for record in records if record.headline is not None]
    diverged = len(records) - len(found)
    title = f"{records[0].reported} over {len(found)} seeds" + f"; {diverged} diverged" * bool(diverged)
    values = {name: [getattr(numbers, name) for numbers in found] for name in PERCENTAGES}
    rows: list[tuple[Any, ...]] = [("mean", *(fmean(column) for column in values.values()))] if found else []
    if len(found) > 1:
        rows.append(("sd", *(stdev(column) for column in values.values())))
    return Group(Text(title, style="bold"), make_table(["", *PERCENTAGES], rows, PERCENTAGES), Text())


def run_description(record: Record, folder: RunFolder) -> RenderableType:
    """Return all of a record: metrics, settings, task, environment, files, and how to repeat it."""
    control = f", control {record.control}" if record.control else ""
    title = f"{record.id}: {record.status}, on {dataset_label(record.task)}{control}"
    parts: list[RenderableType] = [Text(title, style="bold"), Text()]
    if record.metrics:
        intervals = read_intervals(record, folder)
        parts += [metrics_table(record, intervals), *map(Text, bias_lines(record))]
        if not intervals:
            parts.append(Text("no intervals over classes: the run has no predictions that can be read"))
        parts.append(Text())
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
    remarks = filter(None, (*(record.task.notes or ()), training_note(record.task)))
    notes = {f"note {i}": note for i, note in enumerate(remarks, 1)}
    run = {name: value for name, value in values["run"].items() if name != "command"}
    external = cell.pop("external", {})
    settings = {"seed": cell["seed"], "protocol": cell["protocol"]} if external else cell
    return {
        "external result, as its author states": external,
        "settings": {**settings, "setting": record.setting},
        "parameters": params,
        "task": {**task, **notes},
        "data files (sha256)": record.task.files or {},
        "validation": values["validation"] or {},
        "calibration": _calibration_section(record),
        "failure": values["failure"] or {},
        "environment": {**run, "parameters trained": record.parameters},
    }


def _calibration_section(record: Record) -> dict[str, str]:
    """Return what each validation split chose, and what each way of passing gamma on gives."""
    if record.calibration is None:
        return {}
    splits = [split.calibration for split in record.calibration.splits if split.calibration is not None]
    chosen = {
        f"split {number}": f"gamma {one.gamma:.4g}, quantile {one.quantile:.3f}, validation H {one.H:.2f}"
        for number, one in enumerate(splits, start=1)
    }
    used = record.calibration.transfer
    transfers = {
        f"by {name}": f"gamma {one.gamma:.4g}, H {one.H:.2f}{' (reported)' if name == used else ''}"
        for name, one in record.calibration.transfers.items()
    }
    return {**chosen, **transfers}


def repeat_command(record: Record) -> str:
    """Return the ``gzslbench run`` command of exactly this cell, even if presets have changed since.

    The places of data and results are those of the command that made the run. Where another command or
    program made it, they are the usual ones, so its dataset must be found by its name.
    """
    cell, task, places = record.cell, record.task, _places_in_command(record)
    if cell.external is not None:
        return _evaluate_command(record, cell.external)
    if cell.code is not None:
        name, dataset = cell.method, task.dataset
        return f"gzslbench.register the class in {CODE}, then gzslbench.run({name!r}, {dataset!r}, ...)"
    semantics, _, shuffle_seed = task.semantics.partition(SHUFFLED)
    options: list[tuple[str, Any]] = [
        ("--method", cell.method),
        ("--dataset", places.pop("--dataset", task.dataset)),
        ("--features", task.features),
        ("--semantics", semantics),
        ("--shuffle-semantics", shuffle_seed),
        ("--head", None if cell.head == SOFTMAX else cell.head),
    ]
    for name, value in changes_of(Summary.of(record)).items():
        if name in CELL_FIELDS:  # a version cannot be chosen, preprocessing is an option of its own
            continue
        option = "--head-set" if name.startswith(HEAD) else "--set"
        options.append((option, f"{name.removeprefix(HEAD)}={value}"))
    of_cell = cell.as_dict()  # without what a cell leaves out by default
    options += [(f"--{name.replace('_', '-')}", of_cell.get(name)) for name in _CELL_OPTIONS]
    given = [(name, str(value)) for name, value in (*options, *places.items()) if value not in (None, "")]
    flags = ["--deterministic"] if cell.deterministic else []
    return shlex.join(["gzslbench", "run", *chain(*given), *flags, "--rerun"])


def _evaluate_command(record: Record, external: External) -> str:
    """Return the ``gzslbench evaluate`` command with all that is stated of an external result."""
    stated = {name: getattr(record.task, name) for name in ("dataset", "features", "semantics")}
    stated |= {"seed": record.cell.seed, "selection-text": external.selection}
    stated |= {name: getattr(external, name) for name in ("name", "paper", "url", "setting", "pretraining")}
    given = [(f"--{name}", str(value)) for name, value in stated.items() if value not in ("", "unknown")]
    return shlex.join(["gzslbench", "evaluate", "FILE", *chain(*given)])


def _places_in_command(record: Record) -> dict[str, str]:
    """Return the folders named in the command that made the run, if that was ``gzslbench run``."""
    program, *arguments = record.run.command or [""]
    if PurePath(program).name not in ("gzslbench", "__main__.py") or arguments[:1] != ["run"]:
        return {}
    places = {}
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, value = argument.partition("=")
        if name in ("--dataset", "--data", "--results"):
            places[name] = value if equals else following
    return places


def cell_states(plan: Plan, results: Path) -> dict[str, str]:
    """Say by the id of each cell what a run in ``results`` would do."""
    states = {}
    for folder in (Store(results).run(cell.id) for cell in plan.cells):
        interrupted = "interrupted: --resume continues it" if folder.has_checkpoint() else "would run"
        states[folder.id] = "finished: would be shown, not run" if folder.has_ended() else interrupted
    return states


def print_plan(plan: Plan, results: Path) -> None:
    """Print what a run would do: task, settings with their source, and each cell's state in ``results``."""
    settings = plan.cells[0].as_dict()
    params = settings.pop("params")
    del settings["seed"]
    for title, values in {
        f"{plan.spec.title} on {plan.dataset.name}, nothing is run": settings,
        f"parameters: preset {plan.preset.table!r} ({plan.preset.source})": params,
        "runs": cell_states(plan, results),
    }.items():
        make_console().print(Text(title, style="bold"), key_values(values), sep="\n")
    for note in plan.dataset.notes:
        make_console().print(Text(f"note: {note}"))


def print_profile(profile: Profile, record: Record, *, quiet: bool) -> None:
    """Print where the time of the window went; if ``quiet``, only the trace's path, to standard error."""
    if profile.trace is None:
        why = "it ended before its first evaluation"
        if not profile.used:
            why = "it was finished before, so it was not run again; --rerun runs it again"
        print_line(f"nothing to profile in run {record.id}: {why}")
    elif quiet:
        print_line(f"trace: {profile.trace}")
    else:
        order = f"{profile.device.type}_time_total"
        print(profile.averages.table(sort_by=order, row_limit=PROFILE_ROWS))  # noqa: T201
        print(CAVEAT)  # noqa: T201
        print(f"trace: {profile.trace} (open it in https://ui.perfetto.dev or chrome://tracing)")  # noqa: T201
