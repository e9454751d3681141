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

Then open site/index.html in a browser; it asks no network. A site that is there already is replaced, and a
folder that holds anything else is left alone. A report with figures takes about a second a run.
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
    """Write a site of the runs in RESULTS (folders; ./results by default).

    It has leaderboards that sort and filter, a page of each run with the command that repeats it, and one of
    each method.
    """
    from gzslbench.plugins.registry import plugins
    from gzslbench.report.html.building import build_site, check_place
    from gzslbench.report.html.content import Content
    from gzslbench.report.terminal.progress import watch_pages
    from gzslbench.sweep.suites.stored import stored_metrics

    drawn = _can_draw(figures)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        entries, folders = stored_runs(results, datasets, methods)
    damaged = [str(each.message) for each in caught]
    for note in damaged:
        click.echo(f"warning: {note}", err=True)
    if not entries:
        raise StoreError(
            "no runs to report" + (" of those asked for" if datasets or methods else ""),
            where=", ".join(map(str, results_folders(results))),
            fix="run some first, or name the folders that hold runs; see gzslbench report --help",
        )
    check_place(out)
    content = Content(
        entries=entries,
        folders=folders,
        specs=plugins().methods(),
        numbers=every_published_number(),
        stored=stored_metrics([folder / "metrics" for folder in plugins().suites()], "last", "H"),
        notes=[*damaged, *([_UNDRAWN] if not drawn and figures is None else [])],
    )
    with watch_pages(content.pages) as step:
        build_site(content, out, drawn=drawn, step=step)
    if not drawn and figures is None:
        click.echo(_UNDRAWN, err=True)
    click.echo(f"{len(entries)} {'run' if len(entries) == 1 else 'runs'}: open {out / 'index.html'}")


_UNDRAWN = "the pages have no figures, which take matplotlib: pip install 'gzslbench[figures]'"


def _can_draw(wanted: bool | None) -> bool:
    """Whether to draw; refused where it is asked for and cannot be."""
    from gzslbench.errors import GzslBenchError
    from gzslbench.report.figures.extra import require_matplotlib

    try:
        require_matplotlib()
    except GzslBenchError:
        if wanted:
            raise
        return False
    return wanted is not False
