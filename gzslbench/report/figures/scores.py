"""The numbers of a leaderboard as dots."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gzslbench.report.figures.canvas import canvas
from gzslbench.report.figures.style import BLUE, COLUMN, NEUTRAL, label, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from gzslbench.report.leaderboard.board import Board, Score

_ROW, _BESIDES = 0.19, 0.9
"""Inches of a method, and of what is no method."""
_PANEL = {1: 2.8, 2: 2.4, 3: 1.9}
"""Inches of a panel, by how many stand beside each other."""


def scores_figure(board: Board) -> Figure:
    """A panel a dataset: the mean over seeds with its 95 % interval, and the seeds; best row first.

    Args:
        board: With at least one row.
    """
    columns = min(max(_PANEL), len(board.tasks))
    rows = math.ceil(len(board.tasks) / columns)
    height = _ROW * len(board.rows) + _BESIDES
    names = [label(row.label, longest=30) for row in board.rows]
    width = max(COLUMN, width_of(names, 7) + _PANEL[columns] * columns)
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
        axes.plot([mean], [place], "o", color=BLUE, fillstyle="none", label="one seed alone")
        return
    values = list(score.values.values())
    axes.plot([mean], [place], "o", color=BLUE, zorder=3, label="mean, 95 % interval")
    axes.plot(interval, [place, place], color=BLUE)
    axes.plot(values, [place] * len(values), "|", color=NEUTRAL, alpha=0.5, markersize=6, label="a seed")
