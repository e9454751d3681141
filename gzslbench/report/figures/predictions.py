"""Figures of predictions: accuracy of every class, confusion matrix, seen-unseen curve."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from gzslbench.evaluation.curve import SeenUnseenCurve
from gzslbench.evaluation.metrics import ClassAccuracy, harmonic_mean
from gzslbench.report.figures.canvas import (
    BLUE,
    COLUMN,
    HARMONIC,
    INK,
    NEUTRAL,
    PAGE,
    PALETTE,
    SEEN,
    SMALLEST,
    UNSEEN,
    VERMILLION,
    canvas,
    label,
    text_width,
)

_CLASS_INCHES, _MAX_INCHES, _REST_INCHES = 0.14, 10.5, 0.95
"""Heights of a class, of the largest figure, and of all but the classes."""
_LARGEST, _SHARE = 7.0, 0.8
"""Largest size of a name in points, and its share of the height of a class."""
_BARS_INCHES = 2.8
_PER_PANEL, _PANELS = 68, 3
"""Classes below one another before the next panel begins, and panels that a page is wide."""


def class_accuracy_figure(classes: Sequence[ClassAccuracy]) -> Figure:
    """Draw a bar per class, in percent of its test rows: unseen ones, then seen ones, both best first.

    Many classes are in panels side by side, so that their names stay readable on a page.
    """
    ordered = sorted(
        classes, key=lambda found: (found.seen, found.accuracy is None, -(found.accuracy or 0.0), found.name)
    )
    panels = min(_PANELS, math.ceil(len(ordered) / _PER_PANEL))
    most = math.ceil(len(ordered) / panels)
    height = min(_MAX_INCHES, _CLASS_INCHES * most + _REST_INCHES)
    fontsize = min(_LARGEST, _SHARE * 72 * (height - _REST_INCHES) / most)
    longest = 32 if panels == 1 else 22
    names = [label(found.name, longest) if fontsize >= SMALLEST else "" for found in ordered]
    width = max(COLUMN, _BARS_INCHES + text_width(names, fontsize)) if panels == 1 else PAGE
    parts = {seen: [found for found in ordered if found.seen == seen] for seen in (False, True)}
    with canvas(width, height) as figure:
        for number, axes in enumerate(figure.subplots(1, panels, squeeze=False)[0]):
            shown = slice(number * most, (number + 1) * most)
            _class_bars(axes, ordered[shown], names[shown], most, fontsize, parts)
        figure.axes[0].set_title(f"Accuracy of {len(ordered)} class{'es' * (len(ordered) > 1)}", pad=4)
        figure.supxlabel("accuracy (% of the class's test rows)", fontsize=8)
        handles = [Patch(color=_COLORS[seen], label=_part_label(seen, part)) for seen, part in parts.items()]
        figure.legend(handles=handles, loc="outside upper left", ncols=2)
    return figure


_COLORS = {False: UNSEEN, True: SEEN}
_NAME: dict[str, Any] = {"ha": "right", "va": "center_baseline", "label": "name"}


def _mean_accuracy(part: Sequence[ClassAccuracy]) -> float | None:
    tested = [found.accuracy for found in part if found.accuracy is not None]
    return fmean(tested) if tested else None


def _part_label(seen: bool, part: Sequence[ClassAccuracy]) -> str:
    name, metric, mean = *(("seen", "S") if seen else ("unseen", "U")), _mean_accuracy(part)
    return f"{name}, not tested" if mean is None else f"{name}, {metric} {mean:.1f} % (line)"


def _class_bars(
    axes: Axes,
    classes: Sequence[ClassAccuracy],
    names: Sequence[str],
    most: int,
    fontsize: float,
    parts: Mapping[bool, Sequence[ClassAccuracy]],
) -> None:
    """Draw the bars of a panel of up to ``most`` classes, and lines at the means of all unseen and seen."""
    axes.set(xlim=(0, 100), ylim=(most - 0.5, -0.5))
    axes.grid(visible=False, axis="y")
    axes.set_yticks(())
    most_letters = max(map(len, names))
    for place, name in enumerate(filter(None, names)):
        # Texts, not labels of ticks, and the layout measures the longest only: it measures a text many times.
        text = axes.text(-0.05, place, name, transform=axes.get_yaxis_transform(), fontsize=fontsize, **_NAME)
        text.set_in_layout(len(name) > most_letters - 3)
    for seen, part in parts.items():
        places = [place for place, found in enumerate(classes) if found.seen == seen]
        mean = _mean_accuracy(part)
        if places:
            axes.barh(places, [classes[place].accuracy or 0.0 for place in places], color=_COLORS[seen])
        if places and mean is not None:
            axes.vlines(mean, places[0] - 0.5, places[-1] + 0.5, color=NEUTRAL, linewidth=0.9)
    for place, found in enumerate(classes):
        if found.accuracy is None:
            axes.text(1, place, "no test rows", va="center", fontsize=SMALLEST, alpha=0.6)


_INTERVALS = "bars and brackets: 95 % intervals over test classes"
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
            title="Which classes are taken for which",
            xlabel="predicted class",
            ylabel="true class",
            aspect="equal",
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


def seen_unseen_figure(curve: SeenUnseenCurve, chosen: float | None = None) -> Figure:
    """Draw the curve with the run's own point, that of the ``chosen`` gamma, and the best, chosen on test."""
    with canvas(COLUMN, 1.25 * COLUMN) as figure:
        axes = _square(figure, f"Seen-unseen curve: AUSUC {curve.area:.1f} %")
        axes.plot(curve.U, curve.S, color=BLUE, label="curve of calibrated stacking")
        H = harmonic_mean(*_point(curve, 0.0))
        if H > 0:
            contour: dict[str, Any] = {"color": NEUTRAL, "alpha": 0.5, "linewidth": 0.9}
            axes.plot(*_contour(H), ":", label=f"all points of H {H:.1f}", **contour)
        for gamma, name, style in _marked_gammas(curve, chosen):
            axes.plot(*zip(_point(curve, gamma), strict=True), label=name, **style)
        figure.legend(loc="outside lower left")
    return figure


def _square(figure: Figure, title: str) -> Axes:
    return figure.add_subplot(
        title=title,
        xlabel="U: accuracy on unseen classes (%)",
        ylabel="S: accuracy on seen classes (%)",
        xlim=(0, 102),
        ylim=(0, 102),
        aspect="equal",
    )


def _point(curve: SeenUnseenCurve, gamma: float) -> tuple[float, float]:
    place = curve.position(gamma)
    return float(curve.U[place]), float(curve.S[place])


def _contour(H: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return all U and S whose harmonic mean is H: S = H U / (2 U - H)."""
    U = np.linspace(H / (2 - H / 100), 100, 200)
    return U, H * U / (2 * U - H)


def _marked_gammas(
    curve: SeenUnseenCurve, chosen: float | None
) -> Iterator[tuple[float, str, dict[str, Any]]]:
    """Return each gamma to mark, what it is with its H, and how it is drawn."""
    style: dict[str, Any] = {"linestyle": "", "clip_on": False, "zorder": 3, "markersize": 6}
    H = {gamma: harmonic_mean(*_point(curve, gamma)) for gamma in (0.0, chosen or 0.0)}
    yield 0.0, f"nothing subtracted: H {H[0.0]:.1f}", {**style, "marker": "o", "color": VERMILLION}
    if chosen is not None:
        what = f"gamma chosen on validation classes: H {H[chosen]:.1f}"
        yield chosen, what, {**style, "marker": "*", "markersize": 9, "color": NEUTRAL}
    hollow = {"marker": "D", "color": HARMONIC, "fillstyle": "none", "markeredgewidth": 1.2, "markersize": 5}
    yield curve.best.gamma, f"gamma chosen on TEST: H {curve.best.H:.1f}", {**style, **hollow}


def gamma_figure(curve: SeenUnseenCurve, chosen: float | None = None) -> Figure:
    """Draw U, S and H while gamma grows, and mark 0, the ``chosen`` gamma, and the best, chosen on test."""
    gained = curve.U - curve.S  # it only grows; the first and last percent of it are long and flat
    low, high = np.searchsorted(gained, [gained[0] + 1, gained[-1] - 1])
    marked = list(_marked_gammas(curve, chosen))
    finite = [float(gamma) for gamma in (curve.gamma[low], curve.gamma[high]) if np.isfinite(gamma)]
    ends = [*finite, *(gamma for gamma, *_ in marked if np.isfinite(gamma))]
    room = 0.04 * ((max(ends) - min(ends)) or 1.0)
    with canvas(COLUMN, 0.95 * COLUMN) as figure:
        axes = figure.add_subplot(
            title="Accuracy as gamma grows",
            xlabel="gamma, subtracted from the scores of seen classes",
            ylabel="accuracy (%)",
            xlim=(min(ends) - room, max(ends) + room),
            ylim=(0, 102),
        )
        H = [harmonic_mean(*point) for point in zip(curve.U, curve.S, strict=True)]
        for name, color, values in (("U", UNSEEN, curve.U), ("S", SEEN, curve.S), ("H", HARMONIC, H)):
            width = 2.0 if name == "H" else 1.0
            # A point holds from the one before up to its own gamma; the last has none.
            axes.step(curve.gamma[:-1], values[:-1], where="pre", color=color, label=name, linewidth=width)
        for gamma, what, style in marked:
            axes.plot([gamma], [harmonic_mean(*_point(curve, gamma))], label=what, **style)
        figure.legend(loc="outside lower left", ncols=2)
    return figure


@dataclass(frozen=True, eq=False)
class RunCurve:
    """The curve of a run, the gamma that it subtracts, and by metric its 95 % intervals over classes."""

    curve: SeenUnseenCurve
    gamma: float = 0.0
    intervals: Mapping[str, tuple[float, float] | None] = field(default_factory=dict)

    @property
    def point(self) -> tuple[float, float]:
        """U and S at its gamma."""
        return _point(self.curve, self.gamma)

    @property
    def text(self) -> str:
        """H at its gamma and AUSUC, both with intervals."""
        values = {"H": harmonic_mean(*self.point), "AUSUC": self.curve.area}
        ends = {name: f" ({pair[0]:.1f} to {pair[1]:.1f})" for name, pair in self.intervals.items() if pair}
        return ", ".join(f"{name} {value:.1f}{ends.get(name, '')}" for name, value in values.items())


def compare_curves_figure(curves: Mapping[str, RunCurve], dataset: str) -> Figure:
    """Draw the curves of several methods with the points of their gammas, best H first, and contours of H.

    Intervals over classes are bars at the points and brackets in the legend, whose title says so.
    """
    ordered = sorted(curves, key=lambda name: -harmonic_mean(*curves[name].point))
    texts = {name: f"{label(name, 24)}: {curves[name].text}" for name in ordered}
    named = _INTERVALS if any(run.intervals for run in curves.values()) else ""
    height = max(1.15 * COLUMN, 0.16 * len(ordered) + 0.5)
    with canvas(1.35 * COLUMN + text_width([*texts.values(), named], 7), height) as figure:
        axes = _square(figure, f"Seen-unseen curves on {dataset}")
        for H in range(20, 100, 20):
            axes.plot(*_contour(H), ":", color=NEUTRAL, alpha=0.35, linewidth=0.7)
            axes.annotate(f"H {H}", (H, H), ha="center", va="center", fontsize=6, alpha=0.6)
        for place, name in enumerate(ordered):
            run = curves[name]
            (U, S), curve = run.point, run.curve
            style: dict[str, Any] = {"color": PALETTE[place % len(PALETTE)]}
            style["linestyle"] = ("-", "--", ":", "-.")[place // len(PALETTE) % 4]
            axes.plot(curve.U, curve.S, label=texts[name], **style)
            axes.plot([U], [S], "o", color=style["color"], markersize=5, clip_on=False, zorder=3)
            bar: dict[str, Any] = {"color": style["color"], "linewidth": 2, "alpha": 0.5}
            if ends := run.intervals.get("U"):
                axes.plot(ends, [S, S], **bar)
            if ends := run.intervals.get("S"):
                axes.plot([U, U], ends, **bar)
        legend = figure.legend(loc="outside right upper", title=named, title_fontsize=7)
        legend.set_alignment("left")
    return figure
