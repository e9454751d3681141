"""gzslbench show: everything about a stored run."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gzslbench.cli import options as opt
from gzslbench.cli.options import OutputFile, flag, option
from gzslbench.cli.stored_runs import check_figure_options, figure_options, write_figures
from gzslbench.errors import StoreError

if TYPE_CHECKING:
    from rich.console import RenderableType

EPILOG = """\b
Examples:
  gzslbench show ce-gzsl-AWA2
  gzslbench show ce-gzsl-AWA2 --classes --curve
  gzslbench show ce-gzsl-AWA2 --confusion confusion.csv
  gzslbench show ce-gzsl-AWA2 --figures figures --figure-format pdf
"""


@click.command(epilog=EPILOG)
@click.argument("run")
@opt.results_option()
@flag("--classes", "Show each class: its accuracy, and the class it is most often taken for.")
@flag("--curve", "Show the seen-unseen curve: S and U as gamma grows, and its area.")
@option(
    "--confusion",
    "Write the whole confusion matrix: true class by row, predicted class by column.",
    OutputFile(".csv"),
)
@figure_options
@opt.json_option("Print the record as it is stored, with `classes` and `curve` if these options are given.")
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

    The metrics are computed again from the run's predictions; a difference is a warning. With --classes,
    --curve, --confusion or --figures, only these are shown or written.
    """
    from rich.text import Text

    from gzslbench.evaluation.curve import seen_unseen_curve
    from gzslbench.report.printing import make_console
    from gzslbench.report.terminal import predictions as view
    from gzslbench.report.terminal.run import run_description
    from gzslbench.runs.store import Store
    from gzslbench.runs.verify import PredictionsWarning, check_predictions, read_predictions

    check_figure_options(figures, formats)
    folder = Store(results).find(run)
    record = folder.record()
    if record is None:
        what = f"run {folder.id} has no record: it was interrupted, or is still running"
        fix = "run the same command again with --resume to continue from its last checkpoint"
        raise StoreError(what, where=folder.path, fix=fix)
    values: dict[str, Any] = {}
    parts: list[RenderableType] = []
    if not (classes or curve or confusion is not None):
        check_predictions(record, folder)
    else:
        predictions, names = read_predictions(record, folder), record.task.class_names or ()
        if classes:
            outcomes = view.class_outcomes(predictions, names)
            values["classes"] = [asdict(outcome) for outcome in outcomes]
            parts.append(view.classes_table(outcomes))
        if curve:
            traced = seen_unseen_curve(predictions)
            values["curve"] = view.curve_json(traced)
            parts.append(view.curve_table(traced))
        if confusion is not None:
            opt.write_output(confusion, view.confusion_csv(predictions, names))
    if figures is not None:
        from gzslbench.report.figures.run_figures import figures_of_run

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PredictionsWarning)  # the command has warned already
            write_figures(figures_of_run(record, folder, with_features=True), figures, formats)
    if as_json:
        stored = json.loads(folder.record_file.read_bytes())
        click.echo(json.dumps({**stored, **values}, indent=2))
    elif parts:
        console = make_console()
        console.print(Text(f"{record.id}: {record.status}", style="bold"))
        for part in parts:
            console.print("", part)
    elif confusion is figures is None:
        make_console().print(run_description(record, folder))
