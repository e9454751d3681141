"""gzslbench report: the stored runs as a static site."""

from __future__ import annotations

import warnings
from pathlib import Path

import click

from gzslbench.cli.options import option
from gzslbench.cli.stored_runs import RunFilter, all_published_numbers, run_filter
from gzslbench.errors import GzslBenchError

EPILOG = """\b
Examples:
  gzslbench report --out site
  gzslbench report results other-lab/results --dataset FLO --out flo-site
  gzslbench report --no-figures --out site

Then open site/index.html in a browser; it needs no network. An earlier report in the folder is replaced; a
folder that contains anything else is refused. A report with figures takes about a second per run.
"""
NO_FIGURES = "the pages have no figures, which need matplotlib: pip install 'gzslbench[figures]'"


@click.command(epilog=EPILOG)
@run_filter
@option(
    "--out",
    "The folder of the site.",
    click.Path(path_type=Path, resolve_path=True, file_okay=False),
    default="site",
)
@option(
    "--figures/--no-figures",
    "Draw figures into the pages. [default: where matplotlib is installed]",
    default=None,
)
def report(runs: RunFilter, out: Path, figures: bool | None) -> None:
    """Write an HTML report of the runs in RESULTS (folders; ./results by default).

    It has leaderboards to sort and filter, a page for each run with the command that repeats it, and a page
    for each method.
    """
    from gzslbench.plugins.registry import plugins
    from gzslbench.report.figures.run_figures import require_matplotlib
    from gzslbench.report.html.site import SiteContent, build_site, check_output_folder
    from gzslbench.report.terminal.progress import watch_pages
    from gzslbench.sweep.suites.baseline import stored_metrics

    notes: list[str] = []
    try:
        if figures is not False:
            require_matplotlib()
    except GzslBenchError:
        if figures:
            raise
        notes.append(NO_FIGURES)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        entries, folders = runs.read()
    for warning in caught:
        click.echo(f"warning: {warning.message}", err=True)
    if not entries:
        raise runs.no_runs(
            "no runs to report" + (" of these datasets and methods" if runs.datasets or runs.methods else "")
        )
    check_output_folder(out)
    content = SiteContent(
        entries=entries,
        folders=folders,
        specs=plugins().methods(),
        numbers=all_published_numbers(),
        stored=stored_metrics([folder / "metrics" for folder in plugins().suites()], "last", "H"),
        notes=[*(str(warning.message) for warning in caught), *notes],
    )
    with watch_pages(content.pages) as step:
        build_site(content, out, figures=figures is not False and not notes, step=step)
    for note in notes:
        click.echo(note, err=True)
    click.echo(f"{len(entries)} {'run' if len(entries) == 1 else 'runs'}: open {out / 'index.html'}")
