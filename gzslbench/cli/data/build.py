"""gzslbench data build: a folder of class folders becomes a dataset."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import click

from gzslbench.cli.options import (
    EXISTING_FILE,
    EXISTING_FOLDER,
    NOT_NEGATIVE,
    PATH,
    flag,
    json_option,
    option,
)

EPILOG = """\b
Examples:
  gzslbench data build birds --images photos --semantics attributes.csv --unseen-classes 10 --dry-run
  gzslbench data build birds --images photos --semantics attributes.csv --unseen unseen.txt
  gzslbench data build birds --images photos --semantics words.npy --unseen-classes 10 --seed 1 \\
      --extractor efficientnet-lite0
  gzslbench run --method eszsl --dataset birds

The dataset has the name of FOLDER. The command writes a split in the format of xlsa17 (att_splits.mat),
listing.csv with the image and the class of each row, and build.json with the settings. The same images and
seed give the same split on every machine. If the dataset exists already, the command keeps it, and continues
an interrupted extraction.

The dataset is written atomically. If the extraction of features fails, the dataset stays.
"""


@click.command(epilog=EPILOG)
@click.argument("folder", metavar="FOLDER", type=PATH)
@option(
    "--images",
    "The folder with one folder of images per class, which may contain folders.",
    EXISTING_FOLDER,
    required=True,
)
@option(
    "--semantics",
    "A .csv (class, then numbers) or .npy file (a class per row).",
    EXISTING_FILE,
    required=True,
)
@option("--semantics-name", "The name that `run --semantics` takes.", default="att")
@option(
    "--class-names",
    "The classes of the rows of a table without names, one per line. [default: the folders, sorted]",
    EXISTING_FILE,
)
@option("--unseen", "A file with the unseen classes, one per line.", EXISTING_FILE)
@option("--unseen-classes", "Draw this number of unseen classes at random instead.", int, metavar="K")
@option("--test-seen", "The share of each seen class's images for testing, from 0 to 1.", default=0.2)
@option(
    "--validation-classes",
    "Draw this number of seen classes for `run --select val`. [default: every fifth class]",
    int,
    metavar="K",
)
@option("--seed", "The seed of all random choices.", NOT_NEGATIVE, default=0)
@flag("--dry-run", "Show classes and split; write nothing.")
@option("--extractor", "Also extract features with this extractor, as `gzslbench extract` with its defaults.")
@json_option()
def build(folder: Path, extractor: str | None, dry_run: bool, as_json: bool, **settings: Any) -> None:
    """Make a dataset from your own images.

    The images are in one folder per class. The dataset in FOLDER gets semantics from a table, and a split.
    """
    from gzslbench.cli.extract import run_extraction
    from gzslbench.plugins.registry import plugins
    from gzslbench.prepare.building.plan import Request, check_place, describe, plan_build, write_build
    from gzslbench.prepare.extract.extract import ExtractionRequest, features_name, make_request
    from gzslbench.report.printing import make_console
    from gzslbench.report.terminal.dataset import (
        classes_table,
        dataset_summary,
        left_out_lines,
        next_commands,
    )

    request = Request(**settings)
    check_place(folder, request.images)
    features = None
    if extractor is not None:  # an unknown one is refused before anything is read
        name, _, model = extractor.partition(":")
        spec = plugins().extractor(name)
        features = features_name(spec, make_request(spec, model, None), None, False)
    plan = plan_build(request)
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        written = write_build(plan, folder, dry_run=dry_run)
        for line in left_out_lines(plan):
            click.echo(line, err=True)
        if dry_run:
            make_console().print(classes_table(plan))
        for line in dataset_summary(plan, folder.resolve().name):
            click.echo(line)
        if dry_run:
            click.echo("nothing was written (--dry-run)")
        else:
            click.echo(f"wrote {folder}" if written else f"{folder} contains this dataset already")
        if extractor is not None and not dry_run:
            run_extraction(ExtractionRequest(str(folder.resolve()), request.images, extractor))
    if as_json:
        click.echo(json.dumps(describe(plan), indent=2))
    elif not dry_run:
        for command in next_commands(plan, folder, features):
            click.echo(f"next: {command}")
