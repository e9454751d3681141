"""Figures of predictions: accuracy of every class, confusion matrix, seen-unseen curve."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import PowerNorm
from numpy.typing import NDArray

from gzslbench.evaluation.metrics import harmonic_mean
from gzslbench.report.figures.canvas import (
    BLUE,
    COLUMN,
    HARMONIC,
    INK,
    NEUTRAL,
    SEEN,
    SMALLEST,
    UNSEEN,
    VERMILLION,
    canvas,
    label,
    text_width,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from gzslbench.evaluation.curve import SeenUnseenCurve
    from gzslbench.evaluation.metrics import ClassAccuracy

_CLASS_INCHES, _MAX_INCHES, _REST_INCHES = 0.14, 11.0, 0.95
"""Heights of a class, of the largest figure, and of all but the classes."""
_LARGEST, _SHARE = 7.0, 0.8
"""Largest size of a name in points, and its share of the height of a class."""
_BARS_INCHES = 2.8


def class_accuracy_figure(classes: Sequence[ClassAccuracy]) -> Figure:
    """Draw a bar per class, in percent of its test rows: unseen ones, then seen ones, both best first."""
    ordered = sorted(
        classes, key=lambda found: (found.seen, found.accuracy is None, -(found.accuracy or 0.0), found.name)
    )
    height = min(_MAX_INCHES, _CLASS_INCHES * len(ordered) + _REST_INCHES)
    fontsize = min(_LARGEST, _SHARE * 72 * (height - _REST_INCHES) / len(ordered))
    names = [label(found.name, longest=32) for found in ordered] if fontsize >= SMALLEST else []
    with canvas(max(COLUMN, _BARS_INCHES + text_width(names, fontsize)), height) as figure:
        limits: dict[str, Any] = {"xlim": (0, 100), "ylim": (len(ordered) - 0.5, -0.5)}
        axes = figure.add_subplot(xlabel="accuracy (% of the class's test rows)", **limits)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0, labelsize=fontsize)
        axes.set_yticks(range(len(names)), names)
        unseen = sum(not found.seen for found in ordered)
        _bars(axes, 0, ordered[:unseen], UNSEEN, "unseen", "U")
        _bars(axes, unseen, ordered[unseen:], SEEN, "seen", "S")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, ncols=2)
        axes.set_title(f"{len(ordered)} class{'es' * (len(ordered) > 1)}", pad=18)
    return figure


def _bars(axes: Axes, first: int, group: Sequence[ClassAccuracy], color: str, part: str, metric: str) -> None:
    """Draw the bars of one part from place ``first`` on, and a line at their mean, which is U or S."""
    places = range(first, first + len(group))
    tested = [found.accuracy for found in group if found.accuracy is not None]
    legend = f"{part}, not tested"
    if tested:
        legend = f"{part}, {metric} {fmean(tested):.1f} %"
        axes.vlines(fmean(tested), first - 0.5, first + len(group) - 0.5, color=NEUTRAL, linewidth=0.9)
    if group:
        axes.barh(places, [found.accuracy or 0.0 for found in group], color=color, label=legend)
    for place, found in zip(places, group, strict=True):
        if found.accuracy is None:
            axes.text(1, place, "no test rows", va="center", fontsize=SMALLEST, alpha=0.6)


_MAX_SIDE_INCHES = 5.5
_TICKS = (0, 5, 10, 20, 40, 60, 80, 100)


def confusion_figure(counts: NDArray[np.int64], names: Sequence[str], seen: NDArray[np.bool_]) -> Figure:
    """Draw true classes by row, predicted classes by column, in percent of the row; unseen classes first."""
    order = np.argsort(seen, kind="stable")
    ordered = counts[np.ix_(order, order)]
    total = ordered.sum(axis=1, keepdims=True)
    # A class without test rows has NaN, which is left white.
    shares = np.divide(100.0 * ordered, total, out=np.full(ordered.shape, np.nan), where=total > 0)
    size, unseen = len(order), int((~seen).sum())
    side = min(_MAX_SIDE_INCHES, 2.2 + 0.055 * size)
    fontsize = min(7.0, 0.75 * 72 * side / size)
    shown = [label(names[i], longest=24) for i in order] if fontsize >= SMALLEST else []
    margin = text_width(shown, fontsize)
    with canvas(side + margin + 1.3, side + margin + 0.7) as figure:
        axes = figure.add_subplot(
            title="confusion of classes", xlabel="predicted class", ylabel="true class", aspect="equal"
        )
        axes.grid(visible=False)
        image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 100), interpolation="none")
        bar = figure.colorbar(
            image, ax=axes, label="% of the true class's test rows", ticks=_TICKS, shrink=0.85
        )
        bar.outline.set_visible(False)
        if 0 < unseen < size:
            for line in (axes.axhline, axes.axvline):
                line(unseen - 0.5, color=INK, linewidth=0.8)
        if shown:
            axes.set_xticks(range(size), shown, rotation=90, fontsize=fontsize)
            axes.set_yticks(range(size), shown, fontsize=fontsize)
        else:
            parts = {f"{unseen} unseen": (unseen - 1) / 2, f"{size - unseen} seen": (unseen + size - 1) / 2}
            axes.set_xticks(list(parts.values()), list(parts))
            axes.set_yticks(list(parts.values()), list(parts), rotation=90, va="center")
            axes.tick_params(length=0)
    return figure


def seen_unseen_figure(curve: SeenUnseenCurve) -> Figure:
    """Draw the curve with the run's own point and the point of highest H, which is chosen on test."""
    place, best = curve.position(0.0), curve.best
    U, S = float(curve.U[place]), float(curve.S[place])
    H = harmonic_mean(U, S)
    with canvas(COLUMN, 1.22 * COLUMN) as figure:
        axes = figure.add_subplot(
            title=f"seen-unseen curve, AUSUC {curve.area:.1f} %",
            xlabel="U: accuracy on unseen classes (%)",
            ylabel="S: accuracy on seen classes (%)",
            xlim=(0, 102),
            ylim=(0, 102),
            aspect="equal",
        )
        axes.plot(curve.U, curve.S, color=BLUE, label="curve of calibrated stacking")
        if H > 0:  # all U and S whose harmonic mean is H: S = H U / (2 U - H)
            x = np.linspace(H / (2 - H / 100), 100, 200)
            y = H * x / (2 * x - H)
            contour: dict[str, Any] = {"color": NEUTRAL, "alpha": 0.5, "linewidth": 0.9}
            axes.plot(x, y, ":", label=f"all points of H {H:.1f}", **contour)
        point: dict[str, Any] = {"clip_on": False, "zorder": 3}
        own = f"the run itself: H {H:.1f}"
        axes.plot([U], [S], "o", color=VERMILLION, markersize=6, label=own, **point)
        point |= {"fillstyle": "none", "markeredgewidth": 1.2, "markersize": 5}
        chosen = f"best H {best.H:.1f}: gamma chosen on TEST"
        axes.plot([best.U], [best.S], "D", color=HARMONIC, label=chosen, **point)
        figure.legend(loc="outside lower left")
    return figure
