"""gzslbench data build: a folder of class folders, or arrays of features, become a dataset."""

from __future__ import annotations

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
    print_json,
)

EPILOG = """\b
Examples:
  gzslbench data build birds --images photos --semantics attributes.csv --unseen-classes 10 --dry-run
  gzslbench data build birds --images photos --semantics attributes.csv --unseen unseen.txt
  gzslbench data build birds --images photos --semantics words.npy --unseen-classes 10 --seed 1 \\
      --extractor efficientnet-lite0
  gzslbench run --method eszsl --dataset birds
  gzslbench data build sounds --features wav2vec.npy --labels labels.csv --semantics words.csv \\
      --unseen-classes 5

The dataset has the name of FOLDER. The command writes a split in the format of xlsa17 (att_splits.mat),
listing.csv with the image and the class of each row, and build.json with the settings. The same images and
seed give the same split on every machine. If the dataset exists already, the command keeps it, and continues
an interrupted extraction.

With --labels and --names, --images is the folder of the named images, in any order.

Features and labels are .npy, .npz, .csv, .parquet, .mat or .h5 files, of any modality. FILE:NAME names one of
several arrays in a file. Labels are names of classes, or numbers that count the rows of the table of
semantics from 0 or from 1.

The dataset is written atomically. If the extraction of features fails, the dataset stays.
"""


@click.command(epilog=EPILOG)
@click.argument("folder", metavar="FOLDER", type=PATH)
@option(
    "--images",
    "The folder with one folder of images per class, which may contain folders.",
    EXISTING_FOLDER,
)
@option("--features", "A file with the features of each row, instead of images.", PATH, metavar="FILE[:NAME]")
@option("--labels", "A file with the class of each row, by name or number.", PATH, metavar="FILE[:NAME]")
@option("--names", "A file with a name for each row, such as its image.", PATH, metavar="FILE[:NAME]")
@option("--features-name", "The name that `run --features` takes. [default: that of the file]")
@option(
    "--semantics",
    "A .csv (class, then numbers) or .npy file (a class per row).",
    EXISTING_FILE,
)
@option("--semantics-name", "The name that `run --semantics` takes.", default="att")
@option(
    "--class-names",
    "The classes of the rows of a table without names, one per line. [default: the classes, sorted]",
    EXISTING_FILE,
)
@option("--unseen", "A file with the unseen classes, one per line.", EXISTING_FILE)
@option("--unseen-classes", "Draw this number of unseen classes at random instead.", int, metavar="K")
@option("--test-seen", "The share of each seen class's rows for testing, from 0 to 1.", default=0.2)
@option(
    "--validation-classes",
    "Draw this number of seen classes for `run --select val`. [default: every fifth class]",
    int,
    metavar="K",
)
@option("--seed", "The seed of all random choices.", NOT_NEGATIVE, default=0)
@option(
    "--layout",
    "Read the published files of LAD below --images: unseen list K, perhaps only super-class S.",
    metavar="lad:K[:S]",
)
@flag("--dry-run", "Show classes and split; write nothing.")
@option("--extractor", "Also extract features with this extractor, as `gzslbench extract` with its defaults.")
@json_option()
def build(
    folder: Path, layout: str | None, extractor: str | None, dry_run: bool, as_json: bool, **settings: Any
) -> None:
    """Make a dataset from your own images or features.

    Images are in one folder per class; features are arrays. The dataset in FOLDER gets semantics from a
    table, and a split.
    """
    from gzslbench.api.build import run_extraction
    from gzslbench.errors import ParamError
    from gzslbench.plugins.registry import plugins
    from gzslbench.prepare.building.lad import read_lad
    from gzslbench.prepare.building.plan import Request
    from gzslbench.prepare.building.write import build_dataset, describe
    from gzslbench.prepare.extract.extract import ExtractionRequest, features_name, make_request
    from gzslbench.report.printing import make_console
    from gzslbench.report.terminal.dataset import (
        classes_table,
        dataset_summary,
        left_out_lines,
        next_commands,
    )

    if layout is not None:
        if settings["images"] is None:
            raise ParamError("a layout needs the folder of its files", where="--layout", fix="give --images")
        settings |= read_lad(settings["images"], layout)
    if settings["semantics"] is None:
        fix = "give a table, or a --layout that has one"
        raise ParamError("semantics are missing", where="--semantics", fix=fix)
    request = Request(**settings)
    features = None
    if extractor is not None:  # an unknown one is refused before anything is read
        if request.images is None:
            raise ParamError("an extractor needs images", where="--extractor", fix="give --images too")
        name, _, model = extractor.partition(":")
        spec = plugins().extractor(name)
        features = features_name(spec, make_request(spec, model, None), None, False)
    built = build_dataset(folder, request, dry_run=dry_run)
    plan = built.plan
    for line in left_out_lines(plan):
        click.echo(line, err=True)
    if dry_run:
        make_console().print(classes_table(plan))
    for line in dataset_summary(plan, folder.resolve().name):
        click.echo(line)
    if dry_run:
        click.echo("nothing was written (--dry-run)")
    else:
        click.echo(f"wrote {folder}" if built.is_new else f"{folder} contains this dataset already")
    if extractor is not None and request.images is not None and not dry_run:
        run_extraction(ExtractionRequest(str(folder.resolve()), request.images, extractor))
    if as_json:
        print_json(describe(plan))
    elif not dry_run:
        for command in next_commands(plan, folder, plan.features.name if plan.features else features):
            click.echo(f"next: {command}")
