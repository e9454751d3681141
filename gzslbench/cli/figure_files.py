"""The options of commands that write figures into a folder, and the writing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import click

from gzslbench.errors import StoreError
from gzslbench.files import make_folder, writing
from gzslbench.report.figures.drawing import FORMATS, Drawing

USUAL = ("png", "svg")
Command = TypeVar("Command", bound=Callable[..., object])


def figure_options(command: Command) -> Command:
    """``--figures`` and ``--figure-format``."""
    form = click.option(
        "--figure-format",
        "formats",
        type=click.Choice(FORMATS),
        multiple=True,
        help=f"A format of the figures; repeatable.  [default: {', '.join(USUAL)}]",
    )
    folder = click.option(
        "--figures",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Write all figures into DIR; needs matplotlib: pip install 'gzslbench[figures]'.",
    )
    return folder(form(command))


def figure_folder(folder: Path | None, formats: Sequence[str]) -> None:
    """Check that figures can be drawn and written, before any is drawn; create ``folder`` if it is missing.

    Raises:
        GzslBenchError: matplotlib is not installed, or the folder cannot be written.
        UsageError: There are formats, and no folder.
    """
    if folder is None:
        if formats:
            raise click.UsageError("--figure-format needs --figures DIR")
        return
    from gzslbench.report.figures.drawing import require_matplotlib

    require_matplotlib()
    try:
        with writing(folder, "the folder for figures cannot be written"):
            make_folder(folder)
    except StoreError as error:
        raise StoreError(error.what, where=error.where, fix="name a folder that can be written") from error


def write_figures(drawings: Iterable[Drawing], folder: Path, formats: Sequence[str]) -> None:
    """Draw and write what can be drawn; print to standard error what was written, and what not and why.

    Raises:
        StoreError: The folder is full or has been removed.
    """
    from gzslbench.report.figures.canvas import save_figure

    for drawing in drawings:
        if drawing.draw is None:
            click.echo(f"left out {drawing.name}: {drawing.reason}", err=True)
            continue
        figure = drawing.draw()
        for form in formats or USUAL:
            path = folder / f"{drawing.name}.{form}"
            save_figure(figure, path)
            click.echo(f"wrote {path}", err=True)
