"""gzslbench leaderboard: tables of methods by datasets from stored runs."""

from __future__ import annotations

from pathlib import Path

import click

from gzslbench.cli.options import flag, number_options, option
from gzslbench.cli.stored_runs import (
    RunFilter,
    all_published_numbers,
    check_figure_options,
    figure_options,
    run_filter,
    write_figures,
)

EPILOG = """\b
Examples:
  gzslbench leaderboard
  gzslbench leaderboard results other-lab/results --dataset FLO --metric AUSUC
  gzslbench leaderboard --select val --format latex > table.tex
  gzslbench leaderboard --costs --format csv > table.csv
  gzslbench leaderboard --test classes --metric U
  gzslbench leaderboard --figures figures

Numbers that cannot be compared are in separate tables: other features, semantics or split, another setting
(transductive), a variant, parameters that differ from the preset. Each further table says why it is separate.

Exit status: 0 there is a table; 2 there is no table, or an error.
"""


@click.command(epilog=EPILOG)
@run_filter
@number_options
@option(
    "--format",
    "The format of the tables on standard output.",
    ["console", "md", "latex", "csv", "json", "html"],
    to="form",
    default="console",
)
@option("--intervals/--no-intervals", "Show Student's 95 % intervals of the means.", default=True)
@option(
    "--test",
    "How to test whether a row is worse than the best: Student's paired test over common seeds, or"
    " Wilcoxon's signed-rank test over the accuracies of the test classes (U, S and T1), which works with"
    " single seeds.",
    ["seeds", "classes"],
    to="over",
    default="seeds",
)
@flag(
    "--with-published",
    "Add published numbers with the same features and semantics, and ours chosen the same way.",
)
@flag("--costs", "Add columns for time, trained parameters and peak memory.")
@figure_options
def leaderboard(
    runs: RunFilter,
    rule: str,
    metric: str,
    form: str,
    intervals: bool,
    over: str,
    with_published: bool,
    costs: bool,
    figures: Path | None,
    formats: tuple[str, ...],
) -> None:
    """Compare methods by the runs in RESULTS (folders; ./results by default)."""
    from gzslbench.report import tables as renderers
    from gzslbench.report.leaderboard import tables
    from gzslbench.report.leaderboard.board import boards
    from gzslbench.report.leaderboard.comparison import published_rows
    from gzslbench.report.leaderboard.significance import OverClasses, OverSeeds
    from gzslbench.report.terminal.printing import make_console
    from gzslbench.runs.record import SELECTIONS

    check_figure_options(figures, formats)
    if over == "classes" and (metric not in OverClasses.METRICS or rule not in SELECTIONS):
        raise click.UsageError(
            "--test classes needs --metric U, S or T1, because H and AUSUC are not means over classes, and"
            " --select last or val, because runs store predictions for these rules only"
        )
    entries, folders = runs.read()
    test = OverClasses(folders, rule, metric) if over == "classes" else OverSeeds()
    found, left_out = boards(entries, rule, metric, test)
    notes = tables.left_out_notes(left_out)
    if not found:
        raise runs.no_runs("; ".join(["no runs to compare", *notes]))
    if figures is not None:
        from gzslbench.report.figures.leaderboards import figures_of_boards

        write_figures(figures_of_boards(found), figures, formats)
    if form == "csv":
        click.echo(tables.leaderboard_csv(found), nl=False)
        return
    if form == "json":
        click.echo(tables.leaderboard_json(found, left_out), nl=False)
        return
    numbers = all_published_numbers() if with_published else []
    shown = [
        tables.leaderboard_table(board, published_rows(board, numbers), intervals=intervals, costs=costs)
        for board in found
    ]
    if form == "console":
        console = make_console()
        for table in shown:
            console.print(renderers.to_console(table), "")
    else:
        render = {"md": renderers.to_markdown, "latex": renderers.to_latex, "html": renderers.to_html}[form]
        click.echo("\n".join(map(render, shown)), nl=False)
    for note in notes:
        click.echo(note, err=form != "console")
