"""gzslbench data fetch: the published archives of datasets."""

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

UNASKED = 2**30
"""Bytes that are downloaded without a question."""


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@data_option
@click.option("--images", is_flag=True, help="The images too, where a program may fetch them.")
@click.option("--mirror", metavar="URL", help="Take the archives, by their names, from this folder instead.")
@click.option("--force", is_flag=True, help="Overwrite files that are there and differ.")
@click.option("--yes", is_flag=True, help="Do not ask, however much there is to download.")
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
    """Download the archives of the datasets NAME and unpack what is wanted of them.

    What was interrupted goes on where it stopped. The archives stay in the folder `archives` of the data
    folder, with a note of where they came from and their sha256; remove them when you like, not the notes.
    """
    from gzslbench.prepare.download.fetch import fetch as fetch_datasets
    from gzslbench.prepare.download.fetch import find_specs
    from gzslbench.prepare.download.http import check_address
    from gzslbench.report.terminal.transfer import show_transfer

    if mirror is not None:
        check_address(mirror)
    with show_transfer() as progress:
        fetched = fetch_datasets(
            find_specs(names),
            data,
            images=images,
            mirror=mirror,
            force=force,
            confirm=lambda size: None if yes else _ask(size),
            progress=progress,
        )
    if as_json:
        click.echo(json.dumps([asdict(each) | {"folder": str(each.folder)} for each in fetched], indent=2))
    else:
        _print(fetched)


def _ask(size: int | None) -> None:
    """Ask before much is downloaded; no answer is an interruption."""
    from gzslbench.errors import DataError
    from gzslbench.files import format_size

    if size is not None and size <= UNASKED:
        return
    much = "an unknown number of bytes" if size is None else format_size(size)
    if not sys.stdin.isatty():
        raise DataError(f"{much} would be downloaded, and nobody is there to ask", fix="pass --yes")
    try:
        wanted = click.confirm(f"download {much}?", err=True)
    except click.Abort as abort:
        raise KeyboardInterrupt from abort
    if not wanted:
        raise DataError("nothing was downloaded", fix="fetch again when you like")


def _print(fetched: Sequence[Fetched]) -> None:
    for each in fetched:
        if each.provenance is None:
            click.echo(f"{each.dataset}: all of {each.archive} is there and unchanged, in {each.folder}")
        else:
            kept = f", {each.kept} were there" if each.kept else ""
            click.echo(f"{each.dataset}: {each.written} files written to {each.folder}{kept}")
            click.echo(f"  {each.archive}, sha256 {each.provenance.sha256}")
    for name in dict.fromkeys(each.dataset for each in fetched):
        click.echo(f"next: gzslbench data verify {name}; gzslbench datasets {name}")
