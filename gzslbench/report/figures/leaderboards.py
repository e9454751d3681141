"""The figures of a leaderboard: the critical-difference diagram, and seen-unseen curves of its methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gzslbench.errors import GzslBenchError
from gzslbench.evaluation.calibration import calibrate
from gzslbench.evaluation.curve import seen_unseen_curve
from gzslbench.evaluation.predictions import load_predictions
from gzslbench.evaluation.uncertainty import class_intervals, class_shares
from gzslbench.report.figures.canvas import COLUMN, NEUTRAL, VERMILLION, canvas, label
from gzslbench.report.figures.predictions import RunCurve, compare_curves_figure
from gzslbench.report.figures.run_figures import Drawing
from gzslbench.report.leaderboard.board import Board
from gzslbench.report.leaderboard.significance import Ranking


def figures_of_boards(boards: Sequence[Board], *, curves: bool = False) -> Iterator[Drawing]:
    """Return the critical-difference diagram of each board; all boards are of one rule and one metric.

    With ``curves`` also a figure per dataset with the seen-unseen curves of all rows.
    """
    for number, board in enumerate(boards, start=1):
        group, ranking = board.group, board.ranking
        suffix = f"-{number}" if len(boards) > 1 else ""
        name = f"critical-difference{suffix}"
        what = f"numbers by {board.rule}, features {group.features}, semantics {group.semantics},"
        what = "; ".join(filter(None, [f"{what} {group.setting}", board.reason]))
        title = f"Mean ranks of the methods by {board.metric} with the critical difference; {what}."
        if ranking is None or ranking.critical_difference is None:
            shared = sum(all(dataset in row.scores for row in board.rows) for dataset in board.tasks)
            reason = "it needs three methods and two datasets that all of them have;"
            reason += f" there are {len(board.rows)} and {shared}"
            yield Drawing(name, title, reason=reason, mark=group.mark)
        else:
            yield Drawing(name, title, partial(critical_difference_figure, ranking), mark=group.mark)
        for dataset in board.tasks if curves else ():
            name, of_rows = f"seen-unseen-{dataset}{suffix}", _curves(board, dataset)
            title = f"The seen-unseen curves of the methods, first seeds, on {board.labels[dataset]}; {what}."
            draw = partial(compare_curves_figure, of_rows, board.labels[dataset])
            reason = f"it needs predictions of two rows by {board.rule}; there are {len(of_rows)}"
            yield Drawing(name, title, draw if len(of_rows) > 1 else None, reason, mark=group.mark)


def _curves(board: Board, dataset: str) -> dict[str, RunCurve]:
    """Return by row the curve of its first seed, with intervals over classes if the table has them."""
    curves = {}
    for row in board.rows:
        if (score := row.scores.get(dataset)) is None:
            continue
        summary = score.entries[0].summary
        if board.rule in (summary.selection, summary.reported):
            with suppress(GzslBenchError):
                predictions = load_predictions(score.entries[0].folder.predictions_file)
                gamma = summary.metrics[board.rule].gamma or 0.0
                shares = class_shares(calibrate(predictions, gamma)) if score.class_interval else None
                intervals = {} if shares is None else class_intervals(shares)
                curves[row.label] = RunCurve(seen_unseen_curve(predictions), gamma, intervals)
    return curves


_LINE_INCHES = 0.17
"""Height of a line of text, the unit of the vertical axis; that of the horizontal axis is ranks."""
_TOP = -2.6
"""Lines above the axis, for the ranks and the critical difference."""
_FIRST_BAR, _BAR, _AFTER_BARS = 0.5, 0.45, 0.9
"""Lines from the axis to the first bar, from bar to bar, and from the last to the first label."""
_EDGE = 0.1
"""Ranks from the ends of the axis to the labels."""
_OVERHANG = 0.04
"""Ranks by which a bar extends beyond its methods."""


def critical_difference_figure(ranking: Ranking) -> Figure:
    """Draw the critical-difference diagram (Demsar, JMLR 2006)."""
    ordered = sorted(ranking.ranks, key=lambda name: (ranking.ranks[name], name))
    methods, difference = len(ordered), ranking.critical_difference or 0.0
    best, worst = ordered[: methods // 2], ordered[methods // 2 :][::-1]
    cliques = ranking.cliques
    first = _FIRST_BAR + _BAR * max(0, len(cliques) - 1) + _AFTER_BARS
    lines = first + max(len(best), len(worst)) - 0.4
    with canvas(1.5 * COLUMN, _LINE_INCHES * (lines - _TOP)) as figure:
        axes = figure.add_subplot(
            xlim=(methods + _EDGE, min(1, methods - difference) - _EDGE), ylim=(lines, _TOP)
        )
        axes.set_axis_off()
        _axis(axes, methods, ranking.datasets, difference)
        for place, clique in enumerate(cliques):
            ends = [ranking.ranks[clique[-1]] + _OVERHANG, ranking.ranks[clique[0]] - _OVERHANG]
            height = _FIRST_BAR + _BAR * place
            bar: dict[str, Any] = {"linewidth": 3, "solid_capstyle": "butt", "label": "clique"}
            axes.plot(ends, [height, height], color=VERMILLION, **bar)
        for place, name in enumerate(worst):
            _elbow(axes, name, ranking.ranks[name], first + place, methods + _EDGE, "right")
        for place, name in enumerate(best):
            _elbow(axes, name, ranking.ranks[name], first + place, 1 - _EDGE, "left")
    return figure


def _axis(axes: Axes, methods: int, datasets: int, difference: float) -> None:
    """Draw the axis of ranks, and the critical difference to scale above its left end."""
    line: dict[str, Any] = {"color": NEUTRAL, "linewidth": 0.9}
    axes.plot([methods, 1], [0, 0], label="axis", **line)
    for rank in range(1, methods + 1):
        axes.plot([rank, rank], [0, -0.25], **line)
        axes.text(rank, -0.4, str(rank), ha="center", va="bottom", fontsize=7)
    axes.text(1, -1.75, f"mean rank over {datasets} datasets, 1 is best", ha="right", va="bottom", fontsize=7)
    axes.plot([methods, methods - difference], [-1.5, -1.5], "|-", label="critical difference", **line)
    axes.text(methods, -1.75, f"CD {difference:.2f}", ha="left", va="bottom", fontsize=7)


def _elbow(axes: Axes, name: str, rank: float, height: float, edge: float, side: str) -> None:
    """Draw a line from the axis down and out to the label, whose ``side`` is at the edge."""
    axes.plot([rank, rank, edge], [0, height, height], color=NEUTRAL, linewidth=0.7, label=name)
    texts = {"right": f"{label(name)}  {rank:.2f} ", "left": f" {rank:.2f}  {label(name)}"}
    axes.text(edge, height, texts[side], ha=side, va="center", fontsize=7)
