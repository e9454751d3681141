"""A file that a command is asked to write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from gzslbench.errors import StoreError
from gzslbench.files import write_atomically

_ANOTHER = "name a file in a folder that is there and can be written"


class OutputFile(click.Path):
    """A path whose name must end in ``suffix``, so that a slip overwrites nothing of another kind."""

    def __init__(self, suffix: str) -> None:
        super().__init__(dir_okay=False)
        self.suffix = suffix

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path, or a usage error."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.suffix.lower() != self.suffix:
            self.fail(f"{path} does not end in {self.suffix}; only {self.suffix} is written.", param, ctx)
        return path


def check_folder(path: Path) -> None:
    """Refuse a file in no folder, before hours are spent on what it shall hold.

    Raises:
        StoreError: The folder is not there.
    """
    if not path.absolute().parent.is_dir():
        raise StoreError("its folder is not there", where=path, fix=_ANOTHER)


def write_output(path: Path, text: str) -> None:
    """Write ``text``, whole or not at all, and say so on standard error.

    Raises:
        StoreError: The folder is missing, read-only or full.
    """
    try:
        write_atomically(path, text.encode())
    except StoreError as error:
        raise StoreError(error.what, where=error.where, fix=_ANOTHER) from error
    click.echo(f"wrote {path}", err=True)
