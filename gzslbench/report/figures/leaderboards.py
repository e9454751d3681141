"""Figures of leaderboards: scores, sensitivity to a parameter, critical-difference diagram."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, NullLocator
from numpy.typing import NDArray

from gzslbench.report.figures.canvas import (
    BLUE,
    COLUMN,
    HARMONIC,
    NEUTRAL,
    SEEN,
    UNSEEN,
    VERMILLION,
    canvas,
    label,
    text_width,
)
from gzslbench.report.leaderboard.board import Board, Score
from gzslbench.report.leaderboard.entry import ParameterSweep
from gzslbench.report.statistics import Ranking, estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_METHOD_INCHES, _REST_INCHES = 0.19, 0.9
"""Heights of a method, and of all but the methods."""
_PANEL_INCHES = {1: 2.8, 2: 2.4, 3: 1.9}
"""Width of a panel, by the number of panels in a row."""


def scores_figure(board: Board) -> Figure:
    """Draw a panel per dataset: means over seeds with 95 % intervals, and the seeds; best row first.

    Args:
        board: A board with at least one row.
    """
    columns = min(max(_PANEL_INCHES), len(board.tasks))
    rows = math.ceil(len(board.tasks) / columns)
    height = _METHOD_INCHES * len(board.rows) + _REST_INCHES
    names = [label(row.label, longest=30) for row in board.rows]
    width = max(COLUMN, text_width(names, 7) + _PANEL_INCHES[columns] * columns)
    with canvas(width, rows * height + 0.3) as figure:
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
        panels[0].set_ylim(len(names) - 0.5, -0.5)
        panels[0].set_yticks(range(len(names)), names)
        for axes, dataset in zip(panels, board.tasks, strict=False):
            axes.set_title(label(dataset, longest=24))
            axes.set_xlabel(f"{board.metric} (%)")
            axes.tick_params(axis="y", length=0)
            for place, row in enumerate(board.rows):
                if dataset in row.scores:
                    _dot(axes, place, row.scores[dataset])
            left, right = axes.get_xlim()
            axes.set_xlim(max(left, -1), min(right, 101))
        for axes in panels[len(board.tasks) :]:
            axes.set_visible(False)
        handles = {
            text: handle
            for axes in panels
            for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(handles.values(), handles.keys(), loc="outside lower left", ncols=3)
    return figure


def _dot(axes: Axes, place: int, score: Score) -> None:
    mean, interval = score.estimate.mean, score.estimate.interval
    if interval is None:
        axes.plot([mean], [place], "o", color=BLUE, fillstyle="none", label="a single seed")
        return
    values = list(score.values.values())
    axes.plot([mean], [place], "o", color=BLUE, zorder=3, label="mean, 95 % interval")
    axes.plot(interval, [place, place], color=BLUE)
    axes.plot(values, [place] * len(values), "|", color=NEUTRAL, alpha=0.5, markersize=6, label="a seed")


_METRICS = {"U": UNSEEN, "S": SEEN, "H": HARMONIC}
_TICK_DISTANCE = 0.12
"""Smallest distance of ticks, as a share of the axis."""
_LOG_RATIO = 20
"""The axis is logarithmic if the largest value is so many times the smallest."""


def sensitivity_figure(sweep: ParameterSweep, rule: str) -> Figure:
    """Draw U, S and H over the parameter: means over seeds in a band of their standard deviation.

    Args:
        sweep: Runs that have numbers by ``rule``.
        rule: How the epoch of every number was chosen.
    """
    values = list(sweep.entries)
    with canvas(COLUMN, 0.85 * COLUMN) as figure:
        axes = figure.add_subplot(
            xlabel=label(sweep.parameter),
            ylabel="accuracy (%)",
            ylim=(0, 102),
        )
        for metric, color in _METRICS.items():
            estimates = [
                estimate([getattr(entry.summary.metrics[rule], metric) for entry in sweep.entries[value]])
                for value in values
            ]
            means = np.array([found.mean for found in estimates])
            spread = np.array([found.std or 0.0 for found in estimates])
            axes.fill_between(values, means - spread, means + spread, color=color, alpha=0.2, linewidth=0)
            axes.plot(values, means, "o-", color=color, label=metric)
        wide = values[0] > 0 and values[-1] > _LOG_RATIO * values[0]
        axes.set_xscale("log" if wide else "linear")
        axes.set_xticks(_ticks(values, np.log(values) if wide else np.array(values)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
        axes.set_title(label(f"{sweep.row} on {sweep.dataset}, by {rule}", longest=50), pad=18)
    return figure


def _ticks(values: Sequence[float], places: NDArray[np.float64]) -> list[float]:
    """Return the ``values`` that have room for a tick, smallest first; ``places`` are theirs on the axis."""
    least = _TICK_DISTANCE * (places[-1] - places[0])
    taken, last = [], -np.inf
    for value, place in zip(values, places.tolist(), strict=True):
        if place - last >= least:
            taken.append(value)
            last = place
    return taken


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
    """Draw the critical-difference diagram (Demsar, JMLR 2006).

    Mean ranks on an axis, the best right; a bar joins methods that do not differ significantly.

    Args:
        ranking: A ranking with a critical difference.
    """
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
        _axis(axes, methods, ranking.datasets)
        _difference(axes, methods, difference)
        for place, clique in enumerate(cliques):
            _bar(axes, [ranking.ranks[name] for name in clique], _FIRST_BAR + _BAR * place)
        for place, name in enumerate(worst):
            _elbow(axes, name, ranking.ranks[name], first + place, methods + _EDGE, "right")
        for place, name in enumerate(best):
            _elbow(axes, name, ranking.ranks[name], first + place, 1 - _EDGE, "left")
    return figure


def _axis(axes: Axes, methods: int, datasets: int) -> None:
    axes.plot([methods, 1], [0, 0], color=NEUTRAL, linewidth=0.9, label="axis")
    for rank in range(1, methods + 1):
        axes.plot([rank, rank], [0, -0.25], color=NEUTRAL, linewidth=0.9)
        axes.text(rank, -0.4, str(rank), ha="center", va="bottom", fontsize=7)
    axes.text(1, -1.75, f"mean rank over {datasets} datasets, 1 is best", ha="right", va="bottom", fontsize=7)


def _difference(axes: Axes, methods: int, difference: float) -> None:
    """Draw the critical difference to scale, above the left end of the axis."""
    ends = [methods, methods - difference]
    axes.plot(ends, [-1.5, -1.5], "|-", color=NEUTRAL, linewidth=0.9, label="critical difference")
    axes.text(methods, -1.75, f"CD {difference:.2f}", ha="left", va="bottom", fontsize=7)


def _bar(axes: Axes, ranks: Sequence[float], height: float) -> None:
    ends = [max(ranks) + _OVERHANG, min(ranks) - _OVERHANG]
    axes.plot(ends, [height, height], color=VERMILLION, linewidth=3, solid_capstyle="butt", label="clique")


def _elbow(axes: Axes, name: str, rank: float, height: float, edge: float, side: str) -> None:
    """Draw a line from the axis down and out to the label, whose ``side`` is at the edge."""
    axes.plot([rank, rank, edge], [0, height, height], color=NEUTRAL, linewidth=0.7, label=name)
    texts = {"right": f"{label(name)}  {rank:.2f} ", "left": f" {rank:.2f}  {label(name)}"}
    axes.text(edge, height, texts[side], ha=side, va="center", fontsize=7)
