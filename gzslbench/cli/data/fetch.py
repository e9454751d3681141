"""gzslbench data fetch: download the published archives of datasets."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from gzslbench.cli.options import data_option, json_option

EPILOG = """\b
Examples:
  gzslbench data fetch AWA2 CUB --data ~/xlsa17/data
  gzslbench data fetch FLO --images

Exit status: 0 all files are in place; 2 an error that you can fix; 130 interrupted.
"""


@click.command(epilog=EPILOG)
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@data_option
@click.option("--images", is_flag=True, help="Also download the images, if their site allows programs to.")
@click.option(
    "--mirror", metavar="URL", help="Download the archives, by their names, from this address instead."
)
@click.option("--force", is_flag=True, help="Overwrite existing files that differ.")
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
        click.echo(json.dumps([asdict(item) | {"folder": str(item.folder)} for item in fetched], indent=2))
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
