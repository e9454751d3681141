"""Synthesized features beside real ones of the same unseen classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D

from gzslbench.report.figures.canvas import canvas
from gzslbench.report.figures.style import NEUTRAL, PAGE, PALETTE, label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gzslbench.report.figures.projection import Projection

_ROW: dict[str, Any] = {
    "linestyle": "",
    "marker": "o",
    "markersize": 3,
    "markeredgewidth": 0,
    "alpha": 0.5,
}
_MEAN: dict[str, Any] = {
    "linestyle": "",
    "marker": "P",
    "markersize": 7,
    "markeredgecolor": NEUTRAL,
    "markeredgewidth": 0.7,
    "zorder": 3,
}


def features_figure(projection: Projection) -> Figure:
    """Real test rows left, synthesized rows right, on the same axes; a class has one colour in both.

    Args:
        projection: Of at most as many classes as there are colours.
    """
    first, second = projection.variance
    kinds = {"real test rows": projection.real, "synthesized rows": projection.synthesized}
    with canvas(PAGE, 0.55 * PAGE) as figure:
        panels = figure.subplots(1, 2, sharex=True, sharey=True)
        panels[0].set_ylabel(f"second component ({second:.0f} % of the real variance)")
        for axes, (kind, rows) in zip(panels, kinds.items(), strict=True):
            axes.set(title=kind, xlabel=f"first component ({first:.0f} % of the real variance)")
            axes.tick_params(labelleft=False, labelbottom=False, length=0)
            for name, color, points in zip(projection.names, PALETTE, rows, strict=False):
                axes.plot(*points.T, color=color, label=label(name, longest=24), **_ROW)
            for color, points in zip(PALETTE, projection.real, strict=False):
                axes.plot(*points.mean(axis=0), color=color, **_MEAN)
        figure.suptitle(_title(projection), x=0.01, ha="left", fontsize=8)
        classes = [line for line in panels[0].lines if line.get_marker() == _ROW["marker"]]
        mean = Line2D([], [], color="none", label="mean of the class's real rows", **_MEAN)
        figure.legend(handles=[*classes, mean], loc="outside lower left", ncols=4)
    return figure


def _title(projection: Projection) -> str:
    shown, there = len(projection.names), projection.unseen
    which = f"the {shown} most tested of {there} unseen" if shown < there else f"all {there} unseen"
    most = max(map(len, projection.synthesized))
    where = "the method's embedding" if projection.space == "embedding" else "the features"
    return (
        f"principal components of the real rows, in the space of {where}\n"
        f"{which} classes; {most} synthesized rows a class, and at most as many real ones"
    )
