"""gzslbench data fetch: download the published archives of datasets."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.options import data_option, json_option

if TYPE_CHECKING:
    from gzslbench.prepare.download.fetch import Fetched

EPILOG = """\b
Examples:
  gzslbench data fetch AWA2 CUB --data ~/xlsa17/data
  gzslbench data fetch FLO --images --yes

Exit status: 0 all files are in place; 2 an error that you can fix; 130 interrupted.
"""
MAX_BYTES_WITHOUT_QUESTION = 2**30


@click.command(epilog=EPILOG)
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@data_option
@click.option("--images", is_flag=True, help="Also download the images, if their site allows programs to.")
@click.option(
    "--mirror", metavar="URL", help="Download the archives, by their names, from this address instead."
)
@click.option("--force", is_flag=True, help="Overwrite existing files that differ.")
@click.option("--yes", is_flag=True, help="Do not ask before a download of more than 1 GiB.")
@json_option()
def fetch(
    names: tuple[str, ...],
    data: Path | None,
    images: bool,
    mirror: str | None,
    force: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Download the published archives of datasets and unpack the files that runs need.

    NAME is a name from `gzslbench datasets`. An interrupted download continues where it stopped. The archives
    stay in the folder `archives` of the data folder, each with a note of its address and sha256. You may
    remove the archives; keep the notes.
    """
    from gzslbench.prepare.download.fetch import fetch as fetch_datasets
    from gzslbench.prepare.download.fetch import find_specs
    from gzslbench.prepare.download.http import check_address
    from gzslbench.report.terminal.progress import show_transfer

    if mirror is not None:
        check_address(mirror)
    with show_transfer() as progress:
        fetched = fetch_datasets(
            find_specs(names),
            data,
            images=images,
            mirror=mirror,
            force=force,
            confirm=lambda size: None if yes else _confirm(size),
            progress=progress,
        )
    if as_json:
        click.echo(json.dumps([asdict(item) | {"folder": str(item.folder)} for item in fetched], indent=2))
    else:
        _print(fetched)


def _confirm(size: int | None) -> None:
    """Ask before a large download. No answer (Ctrl-C, Ctrl-D) interrupts the command."""
    from gzslbench.errors import DataError
    from gzslbench.files import format_size

    if size is not None and size <= MAX_BYTES_WITHOUT_QUESTION:
        return
    amount = "an unknown number of bytes" if size is None else format_size(size)
    if not sys.stdin.isatty():
        raise DataError(f"cannot ask before downloading {amount}: no terminal", fix="pass --yes")
    try:
        agreed = click.confirm(f"download {amount}?", err=True)
    except click.Abort as abort:
        raise KeyboardInterrupt from abort
    if not agreed:
        raise DataError("nothing was downloaded", fix="answer y, or pass --yes")


def _print(fetched: Sequence[Fetched]) -> None:
    for item in fetched:
        if item.provenance is None:
            click.echo(f"{item.dataset}: all of {item.archive} is there and unchanged, in {item.folder}")
        else:
            kept = f", {item.kept} kept" if item.kept else ""
            click.echo(f"{item.dataset}: {item.written} files written to {item.folder}{kept}")
            click.echo(f"  {item.archive}, sha256 {item.provenance.sha256}")
    for name in dict.fromkeys(item.dataset for item in fetched):
        click.echo(f"next: gzslbench data verify {name}; gzslbench datasets {name}")
