"""gzslbench data build: a folder of class folders becomes a dataset."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gzslbench.cli.options import json_option
from gzslbench.errors import ParamError

if TYPE_CHECKING:
    from gzslbench.prepare.build.plan import Plan

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
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_LIKEWISE = "As for `gzslbench extract`."


@click.command(epilog=EPILOG)
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--images",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder with one folder of images per class, which may contain folders.",
)
@click.option(
    "--semantics",
    required=True,
    type=_FILE,
    help="A .csv (class, then numbers) or .npy file (a class per row).",
)
@click.option(
    "--semantics-name", default="att", show_default=True, help="The name that `run --semantics` takes."
)
@click.option(
    "--class-names",
    type=_FILE,
    help="The classes of the rows of a table without names, one per line. [default: the folders, sorted]",
)
@click.option("--unseen", type=_FILE, help="A file with the unseen classes, one per line.")
@click.option(
    "--unseen-classes", type=int, metavar="K", help="Draw this number of unseen classes at random instead."
)
@click.option(
    "--test-seen",
    default=0.2,
    show_default=True,
    help="The share of each seen class's images for testing, from 0 to 1.",
)
@click.option(
    "--validation-classes",
    type=int,
    metavar="K",
    help="Draw this number of seen classes for `run --select val`. [default: every fifth class]",
)
@click.option("--seed", default=0, show_default=True, help="The seed of all random choices.")
@click.option("--dry-run", is_flag=True, help="Show classes and split; write nothing.")
@click.option("--extractor", help="Also extract features with this extractor, as `gzslbench extract`.")
@click.option("--weights", help=_LIKEWISE)
@click.option("--batch-size", type=click.IntRange(min=1), help=_LIKEWISE)
@click.option("--workers", type=click.IntRange(min=0), help=_LIKEWISE)
@click.option("--device", help=_LIKEWISE)
@click.option("--skip", is_flag=True, default=None, help=_LIKEWISE)
@json_option()
def build(
    folder: Path,
    extractor: str | None,
    weights: str | None,
    batch_size: int | None,
    workers: int | None,
    device: str | None,
    skip: bool | None,
    dry_run: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Make a dataset from your own images.

    The images are in one folder per class. The dataset in FOLDER gets semantics from a table, and a split.
    """
    from gzslbench.prepare.build.plan import Request, check_place, describe, plan_build, write_build

    options = {
        "weights": weights,
        "batch_size": batch_size,
        "workers": workers,
        "device": device,
        "skip": skip,
    }
    options = {name: value for name, value in options.items() if value is not None}
    _check_extraction(extractor, options)
    request = Request(**settings)
    check_place(folder, request.images)
    features = _features(extractor, weights)
    plan = plan_build(request)
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        written = write_build(plan, folder, dry_run=dry_run)
        _print(plan, folder, dry_run=dry_run, written=written)
        if extractor is not None and not dry_run:
            _extract(folder, request.images, extractor, options)
    if as_json:
        click.echo(json.dumps(describe(plan), indent=2))
    elif not dry_run:
        _print_next(plan, folder, features)


def _check_extraction(extractor: str | None, options: dict[str, Any]) -> None:
    if options and extractor is None:
        option = next(iter(options)).replace("_", "-")
        raise ParamError(
            f"--{option} needs --extractor", where=f"--{option}", fix="name a network with --extractor"
        )


def _features(extractor: str | None, weights: str | None) -> str | None:
    """Return the name of the features. An unknown extractor is refused before anything is read."""
    from gzslbench.plugins.registry import plugins
    from gzslbench.prepare.extract.extract import features_name, make_request

    if extractor is None:
        return None
    name, _, model = extractor.partition(":")
    spec = plugins().extractor(name)
    return features_name(spec, make_request(spec, model, weights), None, False)


def _print(plan: Plan, folder: Path, *, dry_run: bool, written: bool) -> None:
    from gzslbench.report.terminal.dataset import classes_table, dataset_summary, left_out_lines
    from gzslbench.report.terminal.printing import make_console

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


def _extract(folder: Path, images: Path, extractor: str, options: dict[str, Any]) -> None:
    from gzslbench.cli.extract import run_extraction
    from gzslbench.prepare.extract.extract import ExtractionRequest

    run_extraction(ExtractionRequest(str(folder.resolve()), images, extractor, **options))


def _print_next(plan: Plan, folder: Path, features: str | None) -> None:
    from gzslbench.report.terminal.dataset import next_commands

    for command in next_commands(plan, folder, features):
        click.echo(f"next: {command}")
