"""gzslbench evaluate: compute the metrics of scores or labels from another program, and store them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import click

from gzslbench.cli import options as opt
from gzslbench.cli.options import FILE, NOT_NEGATIVE, option

EPILOG = """\b
Examples:
  gzslbench evaluate --dataset CUB --template cub.csv
  gzslbench evaluate scores.npy --dataset CUB --name "My net"
  gzslbench evaluate labels.csv --dataset CUB --name "My net" --selection stated
    --selection-text "epoch of highest H on validation classes" --pretraining imagenet-1k

\b
FILE has a row for each test row of the split:
  .csv   a column `image` (path or file name) or `row` (number of the feature
         file's row, from 0); then `class` with predicted classes, or a column
         of scores for each class. Classes are named, or numbered from 0.
  .npy   (N, C) scores or (N) predicted classes. Rows: test_seen, then
         test_unseen, each by increasing row. Columns: the dataset's order.
  .npz, .pt   arrays `scores` or `predicted`; if needed `images` or `rows`,
         `classes`, and `truth`, the true classes, which are checked.

Labels alone give no AUSUC. Every view marks the result as external, and none ranks
it with runs made here.
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=FILE, required=False)
@opt.dataset_option
@option("--name", "What the method is called.")
@opt.features_option
@opt.semantics_option
@opt.data_option
@opt.results_option("The folder where the result is stored.")
@option("--paper", "Where the method is described.", default="")
@option("--url", "Where its program is.", default="")
@option(
    "--setting",
    "What the method learned from.",
    ["inductive", "class-transductive", "evolving", "transductive"],
    default="inductive",
)
@option("--pretraining", "What its networks learned from, for example imagenet-1k.", default="unknown")
@option(
    "--selection",
    "Whether --selection-text says how its epochs and parameters were chosen.",
    ["stated", "unknown"],
)
@option("--selection-text", "How epochs and parameters were chosen, in the author's words.")
@option("--seed", "Tells several trainings apart; tables show their mean.", NOT_NEGATIVE, default=0)
@option(
    "--template",
    "Write an example of labels to FILE.csv, and one of scores next to it.",
    opt.OutputFile(".csv"),
)
@opt.json_option("Print the record as one line of JSON and nothing else.")
def evaluate(
    file: Path | None,
    dataset: str,
    name: str | None,
    data: Path | None,
    selection: str | None,
    selection_text: str | None,
    template: Path | None,
    as_json: bool,
    **statements: Any,
) -> None:
    """Evaluate the scores or predicted labels in FILE, and store them as an external result."""
    from gzslbench.data.load import load_dataset
    from gzslbench.evaluation.metrics import ChanceWarning
    from gzslbench.evaluation.score_files import write_templates
    from gzslbench.report.printing import make_console
    from gzslbench.report.terminal.run import run_summary
    from gzslbench.runs import external

    if template is not None:
        task = load_dataset(dataset, statements["features"], statements["semantics"], data)
        for path in write_templates(template, task):
            click.echo(f"wrote {path}", err=True)
        return
    if file is None or name is None:
        raise click.UsageError("give FILE and --name, or --template FILE.csv for an example of FILE")
    if (selection == "stated") != (selection_text is not None) and selection is not None:
        raise click.UsageError("--selection stated needs --selection-text, and --selection unknown has none")
    with warnings.catch_warnings():
        if not as_json:  # the summary has the line
            warnings.simplefilter("ignore", ChanceWarning)
        result = external.evaluate(
            dataset, file, name=name, data=data, selection=selection_text or "unknown", **statements
        )
    if as_json:
        opt.print_json(result.record.as_dict(), indent=None)
    else:
        make_console().print(run_summary(result.record, result.folder))
