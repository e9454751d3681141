"""A file that a command is asked to write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from gzslbench.errors import StoreError
from gzslbench.results.atomic import write_atomically


class OutputFile(click.Path):
    """A path whose name must end in ``suffix``, so that a slip overwrites nothing of another kind."""

    def __init__(self, suffix: str) -> None:
        super().__init__(dir_okay=False)
        self.suffix = suffix

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path, or a usage error, before anything is computed for it."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.suffix.lower() != self.suffix:
            self.fail(f"{path} does not end in {self.suffix}; only {self.suffix} is written.", param, ctx)
        if not path.absolute().parent.is_dir():
            self.fail(f"{path}: name a file in a folder that is there.", param, ctx)
        return path


def write_output(path: Path, text: str) -> None:
    """Write ``text``, whole or not at all, and say so on standard error.

    Raises:
        StoreError: The folder is missing, read-only or full.
    """
    try:
        write_atomically(path, text.encode())
    except StoreError as error:
        raise StoreError(
            error.what, where=error.where, fix="name a file in a folder that is there and can be written"
        ) from error
    click.echo(f"wrote {path}", err=True)
