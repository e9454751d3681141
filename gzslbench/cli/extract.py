"""gzslbench extract: features of a dataset's photographs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.options import data_option
from gzslbench.errors import DataError, ExtractionError

if TYPE_CHECKING:
    from gzslbench.data.load import Place
    from gzslbench.plugins.extractor import Crops
    from gzslbench.prepare.extract.listings.listing import Listing

EPILOG = """\b
Examples:
  gzslbench extract --dataset FLO --images FLO/jpg --extractor efficientnet-lite0
  gzslbench extract --dataset FLO --images FLO/jpg --extractor resnet101 --weights resnet101-63fe2227.pth
  gzslbench extract --dataset CUB --images CUB/images --extractor resnet101 --weights IMAGENET1K_V2
  gzslbench extract --dataset FLO --images FLO/jpg --extractor hf:facebook/dinov2-base --workers 4
  gzslbench run --method ce-gzsl --dataset FLO --features resnet101

The order of rows: AWA1 and AWA2 take the folders of JPEGImages by name; CUB takes images.txt, FLO setid.mat,
SUN images.mat, APY the lists of attribute_data, from the folder of the dataset or of the photographs. Where a
published feature file with the photographs' names lies beside the splits, its order is taken, and its classes
must agree.

Rows are in the order that the dataset's split indexes. What was extracted is kept beside the file until that
is written whole: an interrupted extraction goes on when the command is repeated, and computes again what has
changed since, or all if --images is another folder. Photographs that are not there are named at once, those
that cannot be read at the end, and nothing is written; with --skip their rows are left out, and the split
without them is another task. A finished extraction is not repeated, unless --again asks for it.

Exit status: 0 the file is written; 2 something to mend; 130 interrupted.
"""


@click.command(epilog=EPILOG)
@click.option("--dataset", required=True, help="A name from `gzslbench datasets`.")
@click.option(
    "--images",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder of the photographs.",
)
@click.option("--extractor", "name", required=True, help="NAME, or NAME:MODEL, from `gzslbench extractors`.")
@click.option("--weights", help="A file of the network's weights, or a name that the extractor knows.")
@click.option("--layer", default="", help="Where in the network. [default: its usual layer]")
@click.option("--pooling", default="", help="Of a layer over all places. [default: the extractor's usual]")
@click.option(
    "--crops",
    type=click.Choice(["centre", "whole", "ten"]),
    help="What is seen of a photograph. [default: the network's usual, mostly centre]",
)
@click.option("--boxes", is_flag=True, help="Cut out the box around each object first; APY always does.")
@click.option("--batch-size", type=click.IntRange(min=1), default=32, show_default=True)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Processes that decode photographs while the network computes; 0: none.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, or cuda:N.")
@click.option("--precision", type=click.Choice(["fp32", "tf32", "bf16"]), default="fp32", show_default=True)
@data_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The .h5 file to write. [default: beside the splits, named after the extractor]",
)
@click.option("--skip", is_flag=True, help="Leave out the rows whose photographs cannot be read.")
@click.option("--again", is_flag=True, help="Extract again what has been extracted in this very way.")
def extract(
    dataset: str,
    images: Path,
    name: str,
    weights: str | None,
    layer: str,
    pooling: str,
    crops: Crops | None,
    boxes: bool,
    batch_size: int,
    workers: int,
    device: str,
    precision: str,
    data: Path | None,
    out: Path | None,
    skip: bool,
    again: bool,
) -> None:
    """Compute the features of a dataset's photographs, and write them as `run --features` takes them."""
    _require_pillow()
    from gzslbench.computing.device import check_precision, resolve_device
    from gzslbench.data.load import Place, find
    from gzslbench.plugins.registry import plugins
    from gzslbench.prepare.extract.asking import answer, ask, features_name
    from gzslbench.prepare.extract.extracting import Extraction, check_there, in_few_lines, refusal
    from gzslbench.prepare.extract.extracting import extract as extracted
    from gzslbench.prepare.extract.partial import held
    from gzslbench.prepare.extract.target import check_features_target, is_extracted
    from gzslbench.prepare.extract.writing import write_features
    from gzslbench.report.terminal.progress import watch_images

    extractor, _, model = name.partition(":")
    spec = plugins().extractor(extractor)
    resolved = resolve_device(device)
    check_precision(precision, resolved)
    place = find(dataset, data)
    if not isinstance(place, Place) or not place.path.is_dir():
        raise DataError("its data lie in no folder with splits", where=dataset, fix="name such a dataset")
    listing = _listing(place, images, boxes)
    if not skip:
        check_there(listing.files, images)
    request = ask(spec, model, weights, layer, pooling)
    network = answer(spec, request, crops)
    extraction = Extraction(spec, network, request, batch_size, workers, resolved, precision)
    called = features_name(spec, request, crops, listing.boxed)
    target = out or place.path / f"{called}.h5"
    provenance = {**extraction.provenance(), "boxes": listing.boxed}
    with held(target) as folder:
        check_features_target(target, provenance)
        if not again and is_extracted(target, listing.files):
            click.echo(f"{target} has been extracted in this very way; --again does it once more")
            return
        with _kept_when_stopped(), watch_images(len(listing.files)) as step:
            partial, failures = extracted(extraction, listing, images, folder, step, _warn)
        if failures and not skip:
            raise refusal(failures, images)
        write_features(target, place.path, place.name, partial.features, listing, failures, provenance)
        partial.remove()
    for line in in_few_lines(list(failures.values())):
        _warn(f"left out: {line}")
    click.echo(f"{len(listing.files) - len(failures)} photographs: wrote {target}")
    where = f"{target}" if out else f"{dataset} --features {called}"
    click.echo(f"next: gzslbench run --method eszsl --dataset {where}", err=True)


@contextmanager
def _kept_when_stopped() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        _warn("what was computed is kept: the same command goes on from there")
        raise


def _warn(words: str) -> None:
    click.echo(words, err=True)


def _require_pillow() -> None:
    try:
        import_module("PIL")
    except ImportError as error:
        raise ExtractionError(
            "photographs are read by Pillow, which is not installed",
            fix="pip install 'gzslbench[images]'",
        ) from error


def _listing(place: Place, images: Path, boxes: bool) -> Listing:
    from gzslbench.prepare.extract.listings.reading import read_listing

    make = place.spec.photographs if place.spec is not None else ""
    if not make and (place.path / "listing.csv").is_file():
        make = "gzslbench.prepare.extract.listings.class_folders:listing"
    if not make:
        raise DataError(
            f"nobody has told in which order the split of {place.name} takes its photographs",
            where=place.path,
            fix="name a dataset of `gzslbench datasets`, or make one with `gzslbench data build`, or name a"
            " listing of yours in the dataset's spec",
        )
    listing = read_listing(make, place.path, images)
    if boxes and listing.boxes is None:
        raise DataError(
            f"there are no boxes around the objects of {place.name}",
            where="--boxes",
            fix="leave --boxes out, or put the index file with the boxes beside the splits",
        )
    return replace(listing, boxed=boxes or listing.boxed)
