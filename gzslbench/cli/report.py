"""gzslbench report: the stored runs as a static site."""

from __future__ import annotations

import warnings
from pathlib import Path

import click

from gzslbench.cli.options import only_options, results_argument, results_folders
from gzslbench.cli.stored_runs import every_published_number, stored_runs
from gzslbench.errors import StoreError

EPILOG = """\b
Examples:
  gzslbench report --out site
  gzslbench report results other-lab/results --dataset FLO --out flo-site
  gzslbench report --no-figures --out site

Then open site/index.html in a browser; it needs no network. An earlier report in the folder is replaced; a
folder that contains anything else is refused. A report with figures takes about a second per run.
"""


@click.command(epilog=EPILOG)
@results_argument
@only_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, resolve_path=True, file_okay=False),
    default="site",
    show_default=True,
    help="The folder of the site.",
)
@click.option(
    "--figures/--no-figures",
    default=None,
    help="Draw figures into the pages. [default: where matplotlib is installed]",
)
def report(
    results: tuple[Path, ...],
    datasets: tuple[str, ...],
    methods: tuple[str, ...],
    out: Path,
    figures: bool | None,
) -> None:
    """Write an HTML report of the runs in RESULTS (folders; ./results by default).

    It has leaderboards to sort and filter, a page for each run with the command that repeats it, and a page
    for each method.
    """
    from gzslbench.plugins.registry import plugins
    from gzslbench.report.html.site import SiteContent, build_site, check_output_folder
    from gzslbench.report.terminal.progress import watch_pages
    from gzslbench.sweep.suites.baseline import stored_metrics

    draw = _can_draw(figures)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        entries, folders = stored_runs(results, datasets, methods)
    damaged = [str(warning.message) for warning in caught]
    for note in damaged:
        click.echo(f"warning: {note}", err=True)
    if not entries:
        raise StoreError(
            "no runs to report" + (" of these datasets and methods" if datasets or methods else ""),
            where=", ".join(map(str, results_folders(results))),
            fix="run some first, or name the folders that hold runs; see gzslbench report --help",
        )
    check_output_folder(out)
    content = SiteContent(
        entries=entries,
        folders=folders,
        specs=plugins().methods(),
        numbers=every_published_number(),
        stored=stored_metrics([folder / "metrics" for folder in plugins().suites()], "last", "H"),
        notes=[*damaged, *([_UNDRAWN] if not draw and figures is None else [])],
    )
    with watch_pages(content.pages) as step:
        build_site(content, out, figures=draw, step=step)
    if not draw and figures is None:
        click.echo(_UNDRAWN, err=True)
    click.echo(f"{len(entries)} {'run' if len(entries) == 1 else 'runs'}: open {out / 'index.html'}")


_UNDRAWN = "the pages have no figures, which need matplotlib: pip install 'gzslbench[figures]'"


def _can_draw(wanted: bool | None) -> bool:
    """Return whether to draw; raise if ``wanted`` and matplotlib is missing."""
    from gzslbench.errors import GzslBenchError
    from gzslbench.report.figures.drawing import require_matplotlib

    try:
        require_matplotlib()
    except GzslBenchError:
        if wanted:
            raise
        return False
    return wanted is not False
