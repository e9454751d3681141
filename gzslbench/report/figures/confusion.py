"""The confusion matrix as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import PowerNorm
from numpy.typing import NDArray

from gzslbench.report.figures.canvas import canvas
from gzslbench.report.figures.style import INK, SMALLEST, label, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDEST = 5.5
"""Inches of the largest matrix."""
_NUMBERED = 16
"""Most classes whose cells hold their numbers."""
_DARK = 35.0
"""Percent from which on a cell is dark."""
_GAMMA = 0.5
"""Of the colours: a few percent are seen."""
_TICKS = (0, 5, 10, 20, 40, 60, 80, 100)


def confusion_figure(counts: NDArray[np.int64], names: Sequence[str], seen: NDArray[np.bool_]) -> Figure:
    """True classes by row, predicted classes by column, in percent of the row; unseen classes first.

    Args:
        counts: ``(K, K)`` test rows.
        names: Of the K classes.
        seen: ``(K,)`` which of them are seen.
    """
    order = np.argsort(seen, kind="stable")
    shares = _percent_of_rows(counts[np.ix_(order, order)])
    size, unseen = len(order), int((~seen).sum())
    side = min(_WIDEST, 2.2 + 0.055 * size)
    fontsize = min(7.0, 0.75 * 72 * side / size)
    called = [label(names[i], longest=24) for i in order] if fontsize >= SMALLEST else []
    margin = width_of(called, fontsize)
    with canvas(side + margin + 1.3, side + margin + 0.7) as figure:
        axes = figure.add_subplot(
            title="confusion of classes", xlabel="predicted class", ylabel="true class", aspect="equal"
        )
        axes.grid(visible=False)
        image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(_GAMMA, 0, 100), interpolation="none")
        bar = figure.colorbar(
            image, ax=axes, label="% of the true class's test rows", ticks=_TICKS, shrink=0.85
        )
        bar.outline.set_visible(False)
        if 0 < unseen < size:
            for line in (axes.axhline, axes.axvline):
                line(unseen - 0.5, color=INK, linewidth=0.8)
        if called:
            axes.set_xticks(range(size), called, rotation=90, fontsize=fontsize)
            axes.set_yticks(range(size), called, fontsize=fontsize)
        else:
            _name_parts(axes, unseen, size)
        if size <= _NUMBERED:
            _number(axes, shares)
    return figure


def _percent_of_rows(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each row over its sum; NaN, which is left white, in a row of a class without test rows."""
    total = counts.sum(axis=1, keepdims=True)
    shares = np.full(counts.shape, np.nan)
    np.divide(100.0 * counts, total, out=shares, where=total > 0)
    return shares


def _name_parts(axes: Axes, unseen: int, size: int) -> None:
    """The two parts in place of the classes."""
    parts = [("unseen", 0, unseen), ("seen", unseen, size)]
    shown = [
        (f"{last - first} {part}", (first + last - 1) / 2) for part, first, last in parts if last > first
    ]
    texts, places = zip(*shown, strict=True)
    axes.set_xticks(places, texts)
    axes.set_yticks(places, texts, rotation=90, va="center")
    axes.tick_params(length=0)


def _number(axes: Axes, shares: NDArray[np.float64]) -> None:
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.5:
            color = "white" if share >= _DARK else INK
            axes.text(column, row, f"{share:.0f}", ha="center", va="center", fontsize=6, color=color)
