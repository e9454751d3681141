"""Options and steps of the commands that read stored runs, print numbers of them or draw figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gzslbench.cli.options import DEFAULT_RESULTS, FOLDER, PATH, combine, option

if TYPE_CHECKING:
    from gzslbench.report.figures.run_figures import Drawing

FORMATS = ("png", "pdf", "svg")
"""File formats of figures."""
DEFAULT_FORMATS = ("png", "svg")


def results_folders(command: Callable[..., Any]) -> Any:
    """Add folders of runs, as arguments or with `--results`; the command receives them as `results`."""

    @click.argument("results", nargs=-1, type=PATH)
    @option("--results", "The same as RESULTS; repeatable.", PATH, to="more_results", multiple=True)
    @wraps(command)
    def call(results: tuple[Path, ...], more_results: tuple[Path, ...], **options: Any) -> Any:
        from gzslbench.runs.store import require_folders

        named = (*results, *more_results)
        require_folders(named)
        return command(results=named or (DEFAULT_RESULTS,), **options)

    return call


def run_filter(command: Callable[..., Any]) -> Any:
    """Add folders of runs and options to choose among them; the command receives them as `runs`."""

    @results_folders
    @option("--dataset", "Only runs on this dataset; repeatable.", to="datasets", multiple=True)
    @option("--method", "Only runs of this method; repeatable.", to="methods", multiple=True)
    @option(
        "--without", "Leave out runs whose id begins like this; repeatable.", metavar="RUN", multiple=True
    )
    @wraps(command)
    def call(results: tuple[Path, ...], **more: Any) -> Any:
        from gzslbench.report.leaderboard.run_filter import RunFilter

        chosen = {name: more.pop(name) for name in ("datasets", "methods", "without")}
        return command(runs=RunFilter(results, **chosen), **more)

    return call


figure_options = combine(
    option(
        "--figures",
        "Write all figures into DIR; needs matplotlib: pip install 'gzslbench[figures]'.",
        FOLDER,
        metavar="DIR",
    ),
    option(
        "--figure-format",
        f"A format of the figures; repeatable. [default: {', '.join(DEFAULT_FORMATS)}]",
        FORMATS,
        to="formats",
        multiple=True,
    ),
)


def check_figure_options(folder: Path | None, formats: Sequence[str]) -> None:
    """Check that figures can be drawn and written, before any is drawn; create the folder."""
    from gzslbench.files import make_folder, writing
    from gzslbench.report.figures.run_figures import require_matplotlib

    if folder is not None:
        require_matplotlib()
        elsewhere = "name a folder that can be written"
        with writing(folder, "the folder for figures cannot be written", elsewhere=elsewhere):
            make_folder(folder)
    elif formats:
        raise click.UsageError("--figure-format needs --figures DIR")


def write_figures(drawings: Iterable[Drawing], folder: Path, formats: Sequence[str]) -> None:
    """Draw and write what can be drawn; print to standard error what was written, and what not and why."""
    from gzslbench.report.figures.canvas import save_figure

    for drawing in drawings:
        if drawing.draw is None:
            click.echo(f"left out {drawing.name}: {drawing.reason}", err=True)
            continue
        figure = drawing.draw()
        for form in formats or DEFAULT_FORMATS:
            path = folder / f"{drawing.name}.{form}"
            save_figure(figure, path)
            click.echo(f"wrote {path}", err=True)
