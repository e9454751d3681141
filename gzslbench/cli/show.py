"""gzslbench show: everything about a stored run."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gzslbench.cli.figure_files import figure_folder, figure_options, write_figures
from gzslbench.cli.options import OutputFile, write_output
from gzslbench.errors import StoreError
from gzslbench.runs.record import Record
from gzslbench.runs.store import DEFAULT_ROOT, RunFolder, Store

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
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=DEFAULT_ROOT,
    show_default=True,
    help="Where records are kept.",
)
@click.option(
    "--classes", is_flag=True, help="Show each class: its accuracy, and the class it is most often taken for."
)
@click.option(
    "--curve", is_flag=True, help="Show the seen-unseen curve: S and U as gamma grows, and its area."
)
@click.option(
    "--confusion",
    type=OutputFile(".csv"),
    metavar="FILE.csv",
    help="Write the whole confusion matrix: true class by row, predicted class by column.",
)
@figure_options
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the record as it is stored, with `classes` and `curve` if these options are given.",
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

    The metrics are computed again from the run's predictions; a difference is a warning. With --classes,
    --curve, --confusion or --figures, only these are shown or written.
    """
    figure_folder(figures, formats)
    folder = Store(results).find(run)
    record = folder.record()
    if record is None:
        raise StoreError(
            f"run {folder.id} has no record: it was interrupted, or is still running",
            where=folder.path,
            fix="run the same command again with --resume to continue from its last checkpoint",
        )
    if classes or curve or confusion is not None:
        values, tables = _parts(record, folder, classes, curve, confusion)
    else:
        from gzslbench.runs.verify import check_predictions

        check_predictions(record, folder)
        values, tables = {}, []
    if figures is not None:
        _draw(record, folder, figures, formats)
    if as_json:
        stored = json.loads(folder.record_file.read_bytes())
        click.echo(json.dumps({**stored, **values}, indent=2))
    elif tables or (confusion, figures) == (None, None):
        _print(record, folder, tables)


def _parts(
    record: Record, folder: RunFolder, classes: bool, curve: bool, confusion: Path | None
) -> tuple[dict[str, Any], list[RenderableType]]:
    """Return the requested parts for JSON and for the terminal; write the confusion matrix."""
    from gzslbench.evaluation.curve import seen_unseen_curve
    from gzslbench.report.terminal.predictions import (
        class_outcomes,
        classes_table,
        confusion_csv,
        curve_json,
        curve_table,
    )
    from gzslbench.runs.verify import read_predictions

    predictions, names = read_predictions(record, folder), record.task.class_names or ()
    values: dict[str, Any] = {}
    tables: list[RenderableType] = []
    if classes:
        outcomes = class_outcomes(predictions, names)
        values["classes"] = [asdict(outcome) for outcome in outcomes]
        tables.append(classes_table(outcomes))
    if curve:
        traced = seen_unseen_curve(predictions)
        values["curve"] = curve_json(traced)
        tables.append(curve_table(traced))
    if confusion is not None:
        write_output(confusion, confusion_csv(predictions, names))
    return values, tables


def _draw(record: Record, folder: RunFolder, figures: Path, formats: Sequence[str]) -> None:
    from gzslbench.report.figures.run_figures import figures_of_run
    from gzslbench.runs.verify import PredictionsWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PredictionsWarning)  # the command has warned already
        write_figures(figures_of_run(record, folder, with_features=True), figures, formats)


def _print(record: Record, folder: RunFolder, tables: list[RenderableType]) -> None:
    from rich.text import Text

    from gzslbench.report.terminal.printing import make_console
    from gzslbench.report.terminal.run import run_description

    out = make_console()
    if not tables:
        out.print(run_description(record, folder))
        return
    out.print(Text(f"{record.id}: {record.status}", style="bold"))
    for table in tables:
        out.print()
        out.print(table)
