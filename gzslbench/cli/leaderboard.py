"""gzslbench leaderboard, compare and report: tables and pages from stored runs."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gzslbench.cli.options import (
    METRICS,
    OutputFile,
    flag,
    json_option,
    option,
    print_json,
    select_option,
    write_output,
)
from gzslbench.cli.stored_runs import (
    check_figure_options,
    figure_options,
    run_filter,
    write_figures,
)
from gzslbench.errors import GzslBenchError

LEADERBOARD_EPILOG = """\b
Examples:
  gzslbench leaderboard
  gzslbench leaderboard results other-lab/results --dataset FLO --metric AUSUC
  gzslbench leaderboard --select val --format latex --bib methods.bib --label tab:results > table.tex
  gzslbench leaderboard --costs --format csv > table.csv
  gzslbench leaderboard --test classes --metric U
  gzslbench leaderboard --figures figures

Numbers that cannot be compared are in separate tables: other features, semantics or split, another setting
(transductive), a variant, parameters or preprocessing that differ from the preset. Each further table says
why it is separate.
"""
COMPARE_EPILOG = """\b
Examples:
  gzslbench compare
  gzslbench compare --method ce-gzsl --dataset AWA2 --select test-peek
  gzslbench compare --tolerance 1 --json > compare.json

Where features, semantics, split, setting or parameters differ, the numbers are not compared, and the table
says why. A verdict needs the published split and features.
"""
REPORT_EPILOG = """\b
Examples:
  gzslbench report --out site
  gzslbench report results other-lab/results --dataset FLO --out flo-site
  gzslbench report --no-figures --out site

Then open site/index.html in a browser; it needs no network. An earlier report in the folder is replaced; a
folder that contains anything else is refused. A report with figures takes one to three seconds per run.
"""
if TYPE_CHECKING:
    from gzslbench.report.leaderboard.run_filter import RunFilter

NO_FIGURES = "the pages have no figures, which need matplotlib: pip install 'gzslbench[figures]'"


@click.command(epilog=LEADERBOARD_EPILOG)
@run_filter
@select_option
@option(
    "--metric",
    "A metric to show, in percent; repeatable. The rows are in the order of H, or of the first metric if H is"
    " not shown.",
    METRICS,
    to="metrics",
    multiple=True,
    default=("T1", "U", "S", "H"),
)
@option(
    "--format",
    "The format of the tables on standard output.",
    ["console", "md", "latex", "csv", "json", "html"],
    to="form",
    default="console",
)
@option("--caption", "The caption, for --format latex. [default: what the numbers are]")
@option("--label", "The name of the table for \\ref, for --format latex.")
@option(
    "--bib",
    "Cite the methods, for --format latex, and write the references that are known to FILE.",
    OutputFile(".bib"),
)
@option(
    "--intervals",
    "Show 95 % intervals: over seeds (Student's, from three seeds on), over test classes (bootstrap, from the"
    " runs' predictions), or both. [default: seeds in a table of one metric, else none]",
    ["none", "classes", "seeds", "both"],
)
@option(
    "--test",
    "How to test whether a row is worse than the best: Student's paired test over common seeds, or the paired"
    " bootstrap over the test classes, which works with single seeds.",
    ["seeds", "classes"],
    to="over",
    default="seeds",
)
@flag(
    "--with-published",
    "Add published numbers with the same features and semantics, and ours chosen the same way.",
)
@flag(
    "--any-parameters",
    "Put runs whose parameters differ from the presets into the same tables; a note names what differs.",
)
@flag(
    "--any-features",
    "Put runs on other features, semantics and settings into the same table if they have the same split; each"
    " row says what it used.",
)
@flag("--costs", "Add columns for time, trained parameters and peak memory.")
@figure_options
def leaderboard(
    runs: RunFilter,
    form: str,
    caption: str | None,
    label: str | None,
    bib: Path | None,
    figures: Path | None,
    formats: tuple[str, ...],
    **options: Any,
) -> None:
    """Compare methods by the runs in RESULTS (folders; ./results by default)."""
    from gzslbench.api.leaderboard import make_leaderboard
    from gzslbench.report.printing import make_console

    check_figure_options(figures, formats)
    if form != "latex" and (caption or label or bib):
        raise click.UsageError("--caption, --label and --bib need --format latex")
    found = make_leaderboard(runs, **options)
    if figures is not None:
        from gzslbench.report.figures.leaderboards import figures_of_boards

        write_figures(figures_of_boards(found.boards, curves=True), figures, formats)
    if bib is not None:
        write_output(bib, found.bibliography())
    if form == "console":
        make_console().print(found, end="")
    else:
        texts = {
            "csv": found.to_csv,
            "html": found.to_html,
            "json": found.to_json,
            "latex": lambda: found.to_latex(caption, label, cite=bib is not None),
            "md": found.to_markdown,
        }
        click.echo(texts[form](), nl=False)
    for note in found.notes if form not in ("csv", "json") else ():
        click.echo(note, err=form != "console")


@click.command(epilog=COMPARE_EPILOG)
@run_filter
@select_option
@option("--metric", "The metric that is compared, in percent.", METRICS, default="H")
@option("--tolerance", "Percentage points that count as agreement.", click.FloatRange(min=0), default=2)
@json_option()
def compare(runs: RunFilter, rule: str | None, metric: str, tolerance: float, as_json: bool) -> None:
    """Compare the runs in RESULTS (folders; ./results by default) with published and stored numbers."""
    from gzslbench.plugins.registry import plugins
    from gzslbench.report.leaderboard.board import boards, comparisons
    from gzslbench.report.leaderboard.entry import default_rule
    from gzslbench.report.leaderboard.tables import comparison_dicts, comparison_table, left_out_notes
    from gzslbench.report.printing import make_console
    from gzslbench.report.published import all_published_numbers
    from gzslbench.report.tables import to_console
    from gzslbench.sweeps.suites.baseline import stored_metrics

    entries = runs.read()
    rule = rule or default_rule(entries)
    tables, left_out = boards(entries, rule, metric)
    notes = left_out_notes(left_out)
    external = sum(len(board.external) for board in tables)
    if external:
        notes.append(f"{external} external results are not compared: see `gzslbench leaderboard`")
    if not tables:
        raise runs.no_runs("; ".join([f"no runs with a number by {rule!r}", *notes]))
    stored = stored_metrics([folder / "metrics" for folder in plugins().suites()], rule, metric)
    found = comparisons(tables, all_published_numbers(), stored, tolerance)
    if as_json:
        print_json(comparison_dicts(found))
    else:
        make_console().print(to_console(comparison_table(found, rule, metric)), *notes, sep="\n")
    if any(comparison.verdict in ("lower", "higher") for comparison in found):
        raise SystemExit(1)


@click.command(epilog=REPORT_EPILOG)
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
    from gzslbench.report.published import all_published_numbers
    from gzslbench.report.terminal.progress import watch_count
    from gzslbench.sweeps.suites.baseline import stored_metrics

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
        entries = runs.read()
    for warning in caught:
        click.echo(f"warning: {warning.message}", err=True)
    if not entries:
        raise runs.no_runs(
            "no runs to report" + (" of these datasets and methods" if runs.datasets or runs.methods else "")
        )
    check_output_folder(out)
    content = SiteContent(
        entries=entries,
        specs=plugins().methods(),
        numbers=all_published_numbers(),
        stored=partial(stored_metrics, [folder / "metrics" for folder in plugins().suites()], metric="H"),
        notes=[*(str(warning.message) for warning in caught), *notes],
    )
    with watch_count(content.pages, what="pages") as advance:
        build_site(content, out, figures=figures is not False and not notes, advance=advance)
    for note in notes:
        click.echo(note, err=True)
    click.echo(f"{len(entries)} {'run' if len(entries) == 1 else 'runs'}: open {out / 'index.html'}")
