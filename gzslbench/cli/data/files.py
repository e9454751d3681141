"""gzslbench data fetch, show, verify, import and synth: commands on the files of one dataset."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from gzslbench.cli.options import (
    NOT_NEGATIVE,
    PATH,
    combine,
    data_option,
    dataset_argument,
    features_option,
    flag,
    json_option,
    option,
    print_json,
    semantics_option,
)

FETCH_EPILOG = """\b
Examples:
  gzslbench data fetch AWA2 CUB --data ~/xlsa17/data
  gzslbench data fetch FLO --images
"""
SHOW_EPILOG = """\b
Examples:
  gzslbench data show AWA2
  gzslbench data show CUB --semantics sent
"""
VERIFY_EPILOG = """\b
Examples:
  gzslbench data verify AWA2
  gzslbench data verify CUB --features res101 --semantics att --json
"""
IMPORT_EPILOG = """\b
Examples:
  gzslbench data import AWA2
  gzslbench data import ~/xlsa17/data/CUB --features res101 --out cub.h5
"""
SYNTH_EPILOG = """\b
Examples:
  gzslbench data synth trial --like AWA2 --scale 0.1
  gzslbench data synth trial --like CUB --scale 0.1 --regions 49
  gzslbench run --method eszsl --dataset trial
"""
NO_VALIDATION = "the files name no validation classes: `run --select val` takes about every fifth seen class"
_MIB = 2**20

dataset_options = combine(dataset_argument, features_option, semantics_option, data_option, json_option())


@click.command(epilog=FETCH_EPILOG)
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@data_option
@flag("--images", "Also download the images, if their site allows programs to.")
@option("--mirror", "Download the archives, by their names, from this address instead.", metavar="URL")
@flag("--force", "Overwrite existing files that differ.")
@json_option()
def fetch(
    names: tuple[str, ...], data: Path | None, images: bool, mirror: str | None, force: bool, as_json: bool
) -> None:
    """Download the published archives of datasets and unpack the files that runs need.

    NAME is a name from `gzslbench datasets`. An interrupted download continues where it stopped. The archives
    stay in the folder `archives` of the data folder, each with a note of its address and sha256. You may
    remove the archives; keep the notes. Without its archive, images are downloaded again by the next fetch.
    """
    from gzslbench.prepare.download.download import check_address
    from gzslbench.prepare.download.fetch import fetch as fetch_datasets
    from gzslbench.prepare.download.fetch import find_specs
    from gzslbench.report.terminal.progress import show_transfer

    if mirror is not None:
        check_address(mirror)
    with show_transfer() as progress:
        fetched = fetch_datasets(
            find_specs(names), data, images=images, mirror=mirror, force=force, progress=progress
        )
    if as_json:
        print_json([asdict(item) | {"folder": str(item.folder)} for item in fetched])
        return
    for item in fetched:
        if item.provenance is None or not item.written:
            click.echo(f"{item.dataset}: all of {item.archive} is there and unchanged, in {item.folder}")
        else:
            kept = f", {item.kept} kept" if item.kept else ""
            click.echo(f"{item.dataset}: {item.written} files written to {item.folder}{kept}")
            click.echo(f"  {item.archive}, sha256 {item.provenance.sha256}")
    for name in dict.fromkeys(item.dataset for item in fetched):
        click.echo(f"next: gzslbench data verify {name}; gzslbench datasets {name}")


@click.command(epilog=SHOW_EPILOG)
@dataset_options
def show(dataset: str, features: str | None, semantics: str | None, data: Path | None, as_json: bool) -> None:
    """Show sizes, split, fingerprints and notes of a dataset.

    DATASET is a name from `gzslbench datasets`, a folder with the files of xlsa17 (res101.mat,
    att_splits.mat), or an imported .h5 file. If gzslbench made the features or semantics, it also shows how.
    """
    from gzslbench.data.dataset import summarize
    from gzslbench.data.load import load_dataset
    from gzslbench.report.printing import key_values, make_console

    found = summarize(load_dataset(dataset, features, semantics, data))
    if as_json:
        print_json(found)
    else:
        found["validation"] = found["validation"] or NO_VALIDATION
        make_console().print(
            key_values({name.replace("_", " "): _as_text(value) for name, value in found.items()})
        )


@click.command(epilog=VERIFY_EPILOG)
@dataset_options
def verify(
    dataset: str, features: str | None, semantics: str | None, data: Path | None, as_json: bool
) -> None:
    """Check a dataset and compare it with the published one.

    Reads all of DATASET and checks that its parts fit together. For a known dataset it compares counts, split
    and checksums with the published ones.
    """
    from rich.text import Text

    from gzslbench.data.load import verify_dataset
    from gzslbench.errors import DataError
    from gzslbench.report.printing import make_console, make_table

    found, comparisons = verify_dataset(dataset, features, semantics, data)
    if as_json:
        checks = [vars(comparison) | {"agrees": comparison.agrees} for comparison in comparisons]
        print_json({"task": found.task_id, "checks": checks, "notes": found.notes})
    else:
        rows = []
        for comparison in comparisons:
            sign = Text("ok", "green") if comparison.agrees else Text("differs", "bold red")
            # The first digits of a checksum are enough here; the JSON output has all of them.
            values = (f"{v[:12]}…" if len(v) == 64 else v for v in (comparison.expected, comparison.found))
            rows.append((sign, comparison.what, *values))
        table = make_table(["", "compared", "expected", "found"], rows)
        make_console().print(
            Text(found.task_id, "bold"), table, *(Text(f"note: {note}") for note in found.notes), sep="\n"
        )
    differ = [comparison.what for comparison in comparisons if not comparison.agrees]
    if differ:
        what = f"{len(differ)} of {len(comparisons)} comparisons differ: {', '.join(differ)}"
        fix = "get the files again, or keep these under another name: they are another task"
        raise DataError(what, where=found.task_id, fix=fix)


@click.command(name="import", epilog=IMPORT_EPILOG)
@dataset_argument
@features_option
@data_option
@option("--out", "The .h5 file to write. [default: next to the .mat file]", PATH)
@json_option()
def import_(dataset: str, features: str | None, data: Path | None, out: Path | None, as_json: bool) -> None:
    """Convert MATLAB files to one HDF5 file that opens fast.

    The file has the features and every semantics of DATASET. Next to the .mat file it is used automatically.
    With --out in another folder, pass its path as the dataset.
    """
    from gzslbench.prepare.importing import import_dataset

    written = import_dataset(dataset, features, out, data)
    size = written.stat().st_size
    if as_json:
        print_json({"file": str(written), "bytes": size}, indent=None)
    else:
        click.echo(f"wrote {written} ({size / _MIB:.1f} MiB)")


@click.command(epilog=SYNTH_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@option("--like", "The dataset whose shape the folder gets, for example AWA2.", required=True)
@option("--seed", "The seed of all random numbers.", NOT_NEGATIVE, default=0)
@option("--scale", "The share of each class's rows, from 0 to 1.", default=1.0)
@option(
    "--regions",
    "Regions of each image, for methods on regions, and vectors of the attributes for --semantics att+words.",
    NOT_NEGATIVE,
    default=0,
)
@json_option()
def synth(folder: Path, like: str, seed: int, scale: float, regions: int, as_json: bool) -> None:
    """Write a dataset folder of random numbers for trials.

    Only the sizes are those of the real dataset, so metrics on such a folder say nothing about it.
    """
    from gzslbench.prepare.synthetic_folder import write_synthetic_folder

    written = write_synthetic_folder(like, folder, seed=seed, scale=scale, regions=regions)
    size = sum(path.stat().st_size for path in written.iterdir())
    if as_json:
        print_json({"folder": str(written), "bytes": size}, indent=None)
    else:
        click.echo(f"wrote {written} ({size / _MIB:.1f} MiB)")
        click.echo(f"next: {shlex.join(['gzslbench', 'data', 'show', str(written)])}")


def _as_text(value: object) -> str:
    """Return a value of the summary as text; an empty collection is `none`."""
    from gzslbench.report.printing import format_value

    if isinstance(value, Mapping):
        return "\n".join(f"{name} {format_value(part)}" for name, part in value.items()) or "none"
    if isinstance(value, list):
        return "\n".join(map(str, value)) or "none"
    return str(value)
