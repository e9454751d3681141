"""gzslbench leaderboard: tables of methods by datasets from stored runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.figure_files import figure_folder, figure_options, write_figures
from gzslbench.cli.options import number_options, only_options, results_argument, results_folders
from gzslbench.cli.stored_runs import every_published_number, stored_runs
from gzslbench.errors import StoreError

if TYPE_CHECKING:
    from gzslbench.report.tables import ResultTable

EPILOG = """\b
Examples:
  gzslbench leaderboard
  gzslbench leaderboard results other-lab/results --dataset FLO --metric AUSUC
  gzslbench leaderboard --select val --format latex > table.tex
  gzslbench leaderboard --costs --format csv > table.csv
  gzslbench leaderboard --test classes --metric U --intervals bootstrap
  gzslbench leaderboard --figures figures

Numbers that cannot be compared are in separate tables: other features, semantics or split, another setting
(transductive), a variant, parameters that differ from the preset. Each further table says why it is separate.

Exit status: 0 there is a table; 2 there is no table, or an error.
"""


@click.command(epilog=EPILOG)
@results_argument
@only_options
@number_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["console", "md", "latex", "csv", "json", "html"]),
    default="console",
    show_default=True,
    help="The format of the tables on standard output.",
)
@click.option(
    "--intervals",
    type=click.Choice(["student", "bootstrap", "none"]),
    default="student",
    show_default=True,
    help="95 % intervals of the means: Student's, or over resampled seeds (too narrow for few seeds).",
)
@click.option(
    "--test",
    "over",
    type=click.Choice(["seeds", "classes"]),
    default="seeds",
    show_default=True,
    help="How to test whether a row is worse than the best: Student's paired test over common seeds, or"
    " Wilcoxon's signed-rank test over the accuracies of the test classes (U, S and T1), which works with"
    " single seeds.",
)
@click.option(
    "--with-published",
    is_flag=True,
    help="Add published numbers with the same features and semantics, and ours chosen the same way.",
)
@click.option("--costs", is_flag=True, help="Add columns for time, trained parameters and peak memory.")
@figure_options
def leaderboard(
    results: tuple[Path, ...],
    datasets: tuple[str, ...],
    methods: tuple[str, ...],
    rule: str,
    metric: str,
    form: str,
    intervals: str,
    over: str,
    with_published: bool,
    costs: bool,
    figures: Path | None,
    formats: tuple[str, ...],
) -> None:
    """Compare methods by the runs in RESULTS (folders; ./results by default)."""
    from gzslbench.report.leaderboard.board import boards
    from gzslbench.report.leaderboard.comparison import published_rows
    from gzslbench.report.leaderboard.significance import OverClasses, OverSeeds
    from gzslbench.report.leaderboard.tables import (
        leaderboard_csv,
        leaderboard_json,
        leaderboard_table,
        left_out_notes,
    )
    from gzslbench.report.statistics import BOOTSTRAP, STUDENT
    from gzslbench.runs.record import SELECTIONS

    figure_folder(figures, formats)
    if over == "classes" and (metric not in OverClasses.METRICS or rule not in SELECTIONS):
        raise click.UsageError(
            "--test classes needs --metric U, S or T1, because H and AUSUC are not means over classes, and"
            " --select last or val, because runs store predictions for these rules only"
        )
    entries, folders = stored_runs(results, datasets, methods)
    test = OverClasses(folders, rule, metric) if over == "classes" else OverSeeds()
    interval = BOOTSTRAP if intervals == "bootstrap" else STUDENT
    found, left_out = boards(entries, rule, metric, test, interval)
    if not found:
        raise StoreError(
            "no runs to compare" + "".join(f"; {note}" for note in left_out_notes(left_out)),
            where=", ".join(map(str, results_folders(results))),
            fix="run some first, or name the folders that hold runs; see gzslbench leaderboard --help",
        )
    if figures is not None:
        from gzslbench.report.figures.leaderboard_figures import figures_of_boards

        write_figures(figures_of_boards(found), figures, formats)
    if form in ("csv", "json"):
        click.echo(leaderboard_csv(found) if form == "csv" else leaderboard_json(found, left_out), nl=False)
        return
    numbers = every_published_number() if with_published else []
    tables = [
        leaderboard_table(board, published_rows(board, numbers), intervals=intervals != "none", costs=costs)
        for board in found
    ]
    _print(tables, left_out_notes(left_out), form)


def _print(tables: Sequence[ResultTable], notes: Sequence[str], form: str) -> None:
    from gzslbench.report.tables import to_console, to_html, to_latex, to_markdown
    from gzslbench.report.terminal.printing import make_console

    if form == "console":
        out = make_console()
        for table in tables:
            out.print(to_console(table))
            out.print()
        for note in notes:
            out.print(note)
        return
    renderers: dict[str, Callable[[ResultTable], str]] = {
        "md": to_markdown,
        "latex": to_latex,
        "html": to_html,
    }
    click.echo("\n".join(map(renderers[form], tables)), nl=False)
    for note in notes:
        click.echo(note, err=True)
