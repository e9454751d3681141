"""gzslbench show and runs: show one stored run; list, verify, export, import and remove runs."""

from __future__ import annotations

import json
import shutil
import warnings
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gzslbench.cli import completion
from gzslbench.cli.group import LazyGroup
from gzslbench.cli.options import (
    PATH,
    OutputFile,
    data_option,
    flag,
    json_option,
    option,
    print_json,
    results_option,
    run_argument,
    write_output,
)
from gzslbench.cli.stored_runs import (
    check_figure_options,
    figure_options,
    results_folders,
    run_filter,
    write_figures,
)
from gzslbench.errors import StoreError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gzslbench.report.leaderboard.run_filter import RunFilter

SHOW_EPILOG = """\b
Examples:
  gzslbench show ce-gzsl-AWA2
  gzslbench show ce-gzsl-AWA2 --classes --curve
  gzslbench show ce-gzsl-AWA2 --confusion confusion.csv
  gzslbench show ce-gzsl-AWA2 --figures figures --figure-format pdf
"""
LIST_EPILOG = """\b
Examples:
  gzslbench runs list
  gzslbench runs list results --method ce-gzsl --status diverged
  gzslbench runs list --json | jq .id
"""
VERIFY_EPILOG = """\b
Examples:
  gzslbench runs verify
  gzslbench runs verify other-lab/results --data ~/xlsa17/data
  gzslbench runs verify --quarantine
"""
EXPORT_EPILOG = """\b
Examples:
  gzslbench runs export --out all.zip
  gzslbench runs export ce-gzsl-AWA2 f-clswgan-AWA2 --out awa2.zip
  gzslbench runs export external-my-net --out submission
"""
IMPORT_EPILOG = """\b
Examples:
  gzslbench runs import awa2.zip
  gzslbench runs import other-lab/results --results results
"""
REMOVE_EPILOG = """\b
Examples:
  gzslbench runs remove ce-gzsl-digits-s1-0123456789
  gzslbench runs remove ce-gzsl-digits --yes
"""


@click.command(epilog=SHOW_EPILOG)
@run_argument
@results_option()
@flag("--classes", "Show each class: its accuracy, and the class it is most often taken for.")
@flag("--curve", "Show the seen-unseen curve: S and U as gamma grows, and its area.")
@option(
    "--confusion",
    "Write the whole confusion matrix: true class by row, predicted class by column.",
    OutputFile(".csv"),
)
@figure_options
@json_option(
    "Print the record as it is stored, with `classes` and `curve` if these options are given; `classes` come"
    " with the 95 % intervals over classes."
)
def show(
    run: str,
    results: Path,
    classes: bool,
    curve: bool,
    confusion: Path | None,
    figures: Path | None,
    formats: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show RUN: a run's id, the beginning of its id, or a run's folder.

    The metrics are computed again from the run's predictions; a difference is a warning. Below them are their
    95 % intervals over classes: how far other test classes would move the numbers. With --classes,
    --curve, --confusion or --figures, only these are shown or written; of a calibrated run, classes and
    confusion are those after calibration.
    """
    from rich.text import Text

    from gzslbench.evaluation.calibration import calibrate
    from gzslbench.evaluation.curve import seen_unseen_curve
    from gzslbench.report.leaderboard.stored_classes import read_intervals
    from gzslbench.report.printing import make_console
    from gzslbench.report.terminal import predictions as view
    from gzslbench.report.terminal.run import run_description
    from gzslbench.runs.store import Store
    from gzslbench.runs.verify import PredictionsWarning, check_predictions, read_predictions

    check_figure_options(figures, formats)
    folder = Store(results).find(run)
    record = folder.require_record()
    values: dict[str, Any] = {}
    parts: list[RenderableType] = []
    if not (classes or curve or confusion is not None):
        check_predictions(record, folder)
    else:
        predictions, names = read_predictions(record, folder), record.task.class_names or ()
        gamma = None if record.headline is None else record.headline.gamma
        reported = calibrate(predictions, gamma)
        if classes:
            outcomes = view.class_outcomes(reported, names)
            values["classes"] = [asdict(outcome) for outcome in outcomes]
            values["class_intervals"] = read_intervals(record, folder)
            parts.append(view.classes_table(outcomes, record.reported))
        if curve:
            traced = seen_unseen_curve(predictions)
            values["curve"] = view.curve_json(traced)
            parts.append(view.curve_table(traced, gamma))
        if confusion is not None:
            write_output(confusion, view.confusion_csv(reported, names))
    if figures is not None:
        from gzslbench.report.figures.run_figures import figures_of_run

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PredictionsWarning)  # the command has warned already
            write_figures(figures_of_run(record, folder, with_features=True), figures, formats)
    if as_json:
        stored = json.loads(folder.record_file.read_bytes())
        print_json({**stored, **values})
    elif parts:
        console = make_console()
        console.print(Text(f"{record.id}: {record.status}", style="bold"))
        for part in parts:
            console.print("", part)
    elif confusion is figures is None:
        make_console().print(run_description(record, folder), crop=False)


@click.group(cls=LazyGroup)
def runs() -> None:
    """List, verify, export, import or remove stored runs."""


@runs.command(name="list", epilog=LIST_EPILOG)
@run_filter
@option("--status", "Only runs with this status. [default: all]", ["complete", "diverged"])
@json_option("Print one line of JSON per run and nothing else.")
def list_(runs: RunFilter, status: str | None, as_json: bool) -> None:
    """List stored runs, the newest last.

    RESULTS are folders of runs; ./results by default.
    """
    from gzslbench.report.leaderboard.tables import run_lines
    from gzslbench.runs.store import Store

    entries = [entry for entry in runs.read() if status in (None, entry.summary.status)]
    entries.sort(key=lambda entry: (entry.summary.run.started or "", entry.summary.id))
    if as_json:
        for entry in entries:
            print_json(entry.summary.as_dict(), indent=None)
        return
    click.echo("\n".join(run_lines(entries)))
    for root in runs.results:
        for folder in Store(root).unfinished():
            state = "still running, or interrupted: --resume continues it"
            if not folder.has_checkpoint():
                state = "just started, or stopped without a checkpoint: run it again, or `runs remove` it"
            click.echo(f"unfinished: {folder.id} ({state})")


@runs.command(epilog=VERIFY_EPILOG)
@results_folders
@option("--data", "Also compare the true classes with those of the datasets in this folder.", PATH)
@flag("--quarantine", "Move inconsistent runs into the folder `quarantine` of their results.")
def verify(results: tuple[Path, ...], data: Path | None, quarantine: bool) -> None:
    """Check that records, ids and predictions agree.

    RESULTS are folders of runs; ./results by default. A run is consistent if its id follows from its
    settings, H is the harmonic mean of U and S, and the metrics follow from the stored predictions. So this
    finds numbers that were edited by hand.
    """
    from gzslbench.runs.external import TruthCheck
    from gzslbench.runs.folder import CODE
    from gzslbench.runs.store import Store
    from gzslbench.runs.verify import find_problems
    from gzslbench.runs.verify import quarantine as move_away

    checked = inconsistent = unpackaged = 0
    truth, unchecked = TruthCheck(data), Counter[str]()
    for folder in (folder for root in results for folder in Store(root).runs()):
        problems, why = (find_problems(folder), "") if data is None else truth.find_problems(folder)
        unchecked[why] += 1
        checked, inconsistent = checked + 1, inconsistent + bool(problems)
        unpackaged += folder.code_file.is_file()
        for problem in problems:
            click.echo(f"{folder.path}: {problem}")
        if problems and quarantine and find_problems(folder) == problems:  # an error of reading can pass
            try:
                click.echo(f"moved to {move_away(folder)}")
            except StoreError as error:
                click.echo(f"not moved: {error.what}", err=True)
    click.echo(f"{checked} runs checked, {inconsistent} inconsistent")
    _print_unchecked(unchecked)
    if unpackaged:
        click.echo(f"{unpackaged} of unpackaged methods: the code is in {CODE} of each folder")
    if inconsistent:
        raise SystemExit(1)


def _print_unchecked(reasons: Counter[str]) -> None:
    for why, count in reasons.items():
        if why:
            click.echo(f"{count} runs not compared with the data: {why}", err=True)


@runs.command(epilog=EXPORT_EPILOG)
@click.argument("runs", nargs=-1, shell_complete=completion.runs)
@option("--out", "The .zip file or the new folder to write.", PATH, required=True)
@results_option()
def export(runs: tuple[str, ...], out: Path, results: Path) -> None:
    """Write runs into an archive or a folder, for `gzslbench runs import`.

    A folder is a submission that others can review: it also has a README with the numbers. RUNS are ids or
    beginnings of ids; all runs by default. Records, predictions, metrics and logs are exported, checkpoints
    are not.
    """
    from gzslbench.runs.bundle import write_bundle, write_submission
    from gzslbench.runs.store import Store

    if out.suffix not in (".zip", ""):
        raise click.UsageError(f"--out {out} must end in .zip, or be a folder without an ending")
    store = Store(results)
    folders = [store.find(run) for run in runs] if runs else store.runs()
    for folder in folders:
        folder.require_record()
    if not folders:
        raise StoreError("there are no runs", where=results, fix="name the folder with --results")
    (write_bundle if out.suffix else write_submission)(out, folders)
    size = sum(file.stat().st_size for file in (out.rglob("*") if out.is_dir() else [out])) / 2**20
    click.echo(f"wrote {len(folders)} runs to {out} ({size:.1f} MiB)")


@runs.command(name="import", epilog=IMPORT_EPILOG)
@click.argument("source", type=PATH)
@results_option("The folder that the runs are stored in.")
@data_option
def import_(source: Path, results: Path, data: Path | None) -> None:
    """Store runs from an archive or a folder.

    SOURCE is a .zip file or a folder that `gzslbench runs export` wrote, or a folder of runs. Each run is
    checked as by `gzslbench runs verify`; where the data are here, its true classes must be theirs. A run
    that fails is refused and named; the others are stored. A run that is stored already is kept as it is.
    """
    from gzslbench.runs.bundle import import_runs
    from gzslbench.runs.store import Store

    received = import_runs(source, Store(results), data)
    for run, problems in received.refused.items():
        for problem in problems:
            click.echo(f"refused {run}: {problem}")
    _print_unchecked(Counter(received.unchecked.values()))
    counts = len(received.taken), len(received.there), len(received.refused)
    click.echo("{} stored, {} stored already, {} refused".format(*counts))
    if received.refused:
        raise SystemExit(1)


@runs.command(epilog=REMOVE_EPILOG)
@click.argument("runs", nargs=-1, required=True, shell_complete=completion.runs)
@results_option()
@flag("--yes", "Remove without asking.")
def remove(runs: tuple[str, ...], results: Path, yes: bool) -> None:
    """Remove runs with all their files, after asking.

    RUNS are ids, or beginnings of ids that only one run has. A run that a process is working on is kept.
    """
    from gzslbench.files import writing
    from gzslbench.runs.store import Store

    store = Store(results)
    folders = [store.find(run) for run in runs]
    for folder in folders:
        click.echo(folder.path)
    if not yes:
        click.confirm(f"remove {'these runs' if len(folders) > 1 else 'this run'} for good?", abort=True)
    for folder in folders:
        with folder.lock(), writing(folder.path, "the run cannot be removed"):
            shutil.rmtree(folder.path)
    click.echo(f"runs removed: {len(folders)}")
