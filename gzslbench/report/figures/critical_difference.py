"""The critical-difference diagram (Demsar, JMLR 2006)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gzslbench.report.figures.canvas import canvas
from gzslbench.report.figures.style import COLUMN, NEUTRAL, VERMILLION, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from gzslbench.report.statistics import Ranking

_LINE = 0.17
"""Inches of a line of text, which is the unit of the vertical axis; ranks are that of the horizontal one."""
_TOP = -2.6
"""Lines above the axis, for the ranks and the critical difference."""
_FIRST_BAR, _BAR, _AFTER_BARS = 0.5, 0.45, 0.9
"""Lines from the axis to the first bar, from bar to bar, and from the last to the first label."""
_EDGE = 0.1
"""Ranks from the ends of the axis to the labels."""
_OVERHANG = 0.04
"""Ranks by which a bar reaches past its methods."""


def critical_difference_figure(ranking: Ranking) -> Figure:
    """Mean ranks on an axis, the best to the right; a bar joins methods that do not differ significantly.

    Args:
        ranking: With a critical difference.
    """
    ordered = sorted(ranking.ranks, key=lambda name: (ranking.ranks[name], name))
    methods, difference = len(ordered), ranking.critical_difference or 0.0
    best, worst = ordered[: methods // 2], ordered[methods // 2 :][::-1]
    cliques = ranking.cliques
    first = _FIRST_BAR + _BAR * max(0, len(cliques) - 1) + _AFTER_BARS
    lines = first + max(len(best), len(worst)) - 0.4
    with canvas(1.5 * COLUMN, _LINE * (lines - _TOP)) as figure:
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
    """The critical difference to scale, above the left end of the axis."""
    ends = [methods, methods - difference]
    axes.plot(ends, [-1.5, -1.5], "|-", color=NEUTRAL, linewidth=0.9, label="critical difference")
    axes.text(methods, -1.75, f"CD {difference:.2f}", ha="left", va="bottom", fontsize=7)


def _bar(axes: Axes, ranks: Sequence[float], height: float) -> None:
    ends = [max(ranks) + _OVERHANG, min(ranks) - _OVERHANG]
    axes.plot(ends, [height, height], color=VERMILLION, linewidth=3, solid_capstyle="butt", label="clique")


def _elbow(axes: Axes, name: str, rank: float, height: float, edge: float, side: str) -> None:
    """From the axis down, and out to the label, whose ``side`` is at the edge."""
    axes.plot([rank, rank, edge], [0, height, height], color=NEUTRAL, linewidth=0.7, label=name)
    texts = {"right": f"{label(name)}  {rank:.2f} ", "left": f" {rank:.2f}  {label(name)}"}
    axes.text(edge, height, texts[side], ha=side, va="center", fontsize=7)
