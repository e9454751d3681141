"""The accuracy of every class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from gzslbench.report.figures.canvas import canvas
from gzslbench.report.figures.style import COLUMN, NEUTRAL, SEEN, SMALLEST, UNSEEN, label, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from gzslbench.evaluation.metrics import ClassAccuracy

_ROW, _TALLEST, _BESIDES = 0.14, 11.0, 0.95
"""Inches of a class, of the whole figure, and of what is no class."""
_LARGEST, _SHARE = 7.0, 0.8
"""Points of a name, and its share of the height of a class."""
_BARS = 2.8
"""Inches of the bars."""


def class_accuracy_figure(classes: Sequence[ClassAccuracy]) -> Figure:
    """A bar a class, in percent of its test rows: the unseen ones, then the seen ones, each best first.

    The figure grows with the classes to a bound, from which on names shrink, and then only some are drawn.

    Args:
        classes: At least one.
    """
    groups = [sorted((each for each in classes if each.seen == seen), key=_worst) for seen in (False, True)]
    ordered = [each for group in groups for each in group]
    names = [label(each.name, longest=32) for each in ordered]
    height = min(_TALLEST, _ROW * len(ordered) + _BESIDES)
    points = 72 * (height - _BESIDES) / len(ordered)
    step = max(1, math.ceil(SMALLEST / _SHARE / points))
    fontsize = min(_LARGEST, max(SMALLEST, _SHARE * points))
    width = max(COLUMN, _BARS + width_of(names, fontsize))
    with canvas(width, height) as figure:
        axes = figure.add_subplot(
            xlabel="accuracy (% of the class's test rows)",
            xlim=(0, 100),
            ylim=(len(ordered) - 0.5, -0.5),
        )
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0, labelsize=fontsize)
        axes.set_yticks(range(0, len(ordered), step), names[::step])

        _bars(axes, 0, groups[0], UNSEEN, "unseen", "U")
        _bars(axes, len(groups[0]), groups[1], SEEN, "seen", "S")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, ncols=2)
        axes.set_title(_title(len(ordered), step), pad=18)
    return figure


def _worst(each: ClassAccuracy) -> tuple[float, str]:
    return (1.0 if each.accuracy is None else -each.accuracy, each.name)


def _bars(axes: Axes, first: int, group: Sequence[ClassAccuracy], color: str, part: str, metric: str) -> None:
    """The bars of one part from place ``first`` on, and a line at their mean, which is U or S."""
    if not group:
        return
    tested = [each.accuracy for each in group if each.accuracy is not None]
    told = f"{part}, {metric} {fmean(tested):.1f} %" if tested else f"{part}, not tested"
    places = range(first, first + len(group))
    thickness = 0.8 if len(group) <= 150 else 1.0
    axes.barh(places, [each.accuracy or 0.0 for each in group], thickness, color=color, label=told)
    if tested:
        axes.vlines(fmean(tested), first - 0.5, first + len(group) - 0.5, color=NEUTRAL, linewidth=0.9)
    for place, each in zip(places, group, strict=True):
        if each.accuracy is None:
            axes.text(1, place, "no test rows", va="center", fontsize=SMALLEST, alpha=0.6)


def _title(count: int, step: int) -> str:
    named = "" if step == 1 else f", one name in {step} shown"
    return f"{count} class{'es' * (count > 1)}{named}"
