"""gzslbench predict: classify new photographs or rows of features with a stored run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli import options as opt
from gzslbench.cli.options import EXISTING_FILE, PATH, POSITIVE, option
from gzslbench.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gzslbench.data.dataset import Dataset
    from gzslbench.runs.predictor import AddedClasses, Guess

EPILOG = """\b
Examples:
  gzslbench predict eszsl-CUB100 my-bird.jpg
  gzslbench predict eszsl-CUB100 folder-of-photographs --top 1 --json
  gzslbench predict eszsl-FLO --features rows.npy
  gzslbench predict eszsl-CUB100 kiwi.jpg --semantics-add kiwi.csv

The features of photographs are computed by the extractor that computed those of the run's dataset, with the
same weights. This needs a dataset whose features `gzslbench extract` or `gzslbench data build` made. For
others, such as the published res101.mat, compute the features as their authors did and pass --features.

A score is higher where a class is likelier. Scores compare classes for one image; they are not probabilities,
and those of two methods have different scales. For a calibrated run, its gamma is subtracted from the scores
of seen classes. The head of a generative method is fitted again with the random numbers of the run, which
takes as long as one evaluation.
"""


@click.command(epilog=EPILOG)
@opt.run_argument
@click.argument("images", nargs=-1, type=PATH)
@option(
    "--features",
    "Instead of photographs: a .npy file with rows of the features that the run was trained on.",
    EXISTING_FILE,
)
@option("--top", "How many classes to show for each image, the likeliest first.", POSITIVE, default=5)
@option(
    "--semantics-add",
    "A .csv file with further classes: the name, then a number for each column of the semantics.",
    EXISTING_FILE,
)
@option("--weights", "The file of the extractor's weights, if it is not where the extractor looks for it.")
@opt.results_option()
@opt.data_option
@opt.device_option
@opt.json_option()
def predict(
    run: str,
    images: tuple[Path, ...],
    features: Path | None,
    top: int,
    semantics_add: Path | None,
    weights: str | None,
    results: Path,
    data: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Name the classes of IMAGES, files or folders, with the trained model of RUN."""
    if bool(images) == (features is not None):
        raise click.UsageError("name either images, or a file of features with --features")
    from gzslbench.computing.device import resolve_device
    from gzslbench.prepare.extract.repeat import list_images
    from gzslbench.runs.predictor import open_predictor
    from gzslbench.runs.store import Store

    files = list_images(images)
    folder = Store(results).find(run)
    record = folder.require_record()
    target = resolve_device(device)
    added = None if semantics_add is None else _read_added(semantics_add)
    predictor = open_predictor(record, folder, added=added, data=data, device=target)
    if features is None:
        rows, names = _extract(predictor.dataset, files, weights, f"{target}"), [f"{file}" for file in files]
    else:
        rows, names = _read_features(features), []
    if record.cell.head is not None:
        click.echo("fitting the head of the run", err=True)
    found = predictor.predict(rows, top)
    names = names or [f"row {number}" for number in range(len(found))]
    if as_json:
        listed = [
            {"image": name, "classes": [asdict(guess) for guess in guesses]}
            for name, guesses in zip(names, found, strict=True)
        ]
        opt.print_json({"run": record.id, "predictions": listed})
    else:
        _print_table(names, found)


def _extract(dataset: Dataset, files: list[Path], weights: str | None, device: str) -> NDArray[np.float32]:
    from gzslbench.prepare.extract.repeat import extract_files, repeat_extraction

    has_regions = dataset.features.ndim == 3
    extraction = repeat_extraction(dataset.extraction, weights, device, regions=has_regions)
    if dataset.extraction.get("boxes"):
        note = "the dataset's features are of boxes around the objects: crop your photographs to the object"
        click.echo(f"note: {note}", err=True)
    click.echo(f"computing features with {extraction.spec.name}, images: {len(files)}", err=True)
    return extract_files(extraction, files)


def _read_added(path: Path) -> AddedClasses:
    from gzslbench.prepare.building.tables import read_table
    from gzslbench.runs.predictor import AddedClasses

    if path.suffix.lower() != ".csv":
        fix = "save them as CSV: the class in the first column, a number in each of the others"
        raise DataError("the added classes need their names", where=path, fix=fix)
    table = read_table(path, ())
    return AddedClasses(table.names or (), table.values, f"{path}")


def _read_features(path: Path) -> NDArray[np.float32]:
    from gzslbench.data.formats.numpy_files import open_npy

    try:
        return open_npy(path)
    except (OSError, ValueError) as error:
        fix = "write it with numpy.save: one row for each image"
        raise DataError(f"not an array of numbers: {error}", where=path, fix=fix) from error


def _print_table(names: list[str], found: list[tuple[Guess, ...]]) -> None:
    from gzslbench.report.printing import make_console, make_table

    rows = [
        ("" if place else name, guess.name, guess.kind, f"{guess.score:.4f}")
        for name, guesses in zip(names, found, strict=True)
        for place, guess in enumerate(guesses)
    ]
    make_console().print(make_table(["image", "class", "kind", "score"], rows, ["score"]))
