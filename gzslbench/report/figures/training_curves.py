"""Losses and accuracies over the epochs of a training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from gzslbench.report.figures.canvas import canvas
from gzslbench.report.figures.history import METRICS, History, Series
from gzslbench.report.figures.style import HARMONIC, NEUTRAL, PAGE, PALETTE, SEEN, UNSEEN, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from gzslbench.report.figures.choice import Choice

_COLORS = {"U": UNSEEN, "S": SEEN, "H": HARMONIC}
_LEGS = {"validation": "validation leg: held-out classes", "final": "final leg: all of trainval"}
_STYLES: dict[str, dict[str, Any]] = {"validation": {"linestyle": "--", "alpha": 0.6}}
_PEEKS = "Ds^"
_COLUMNS, _MOST = 4, 32
_STEPS = (1, 2, 5, 10)
_ABOVE, _ROW = 2.3, 1.25
"""Inches of the accuracies, and of a row of losses."""
_WIDE = 100.0
"""Largest over smallest value of a loss from which on its axis is logarithmic, if all are positive."""


def training_curves_figure(history: History, choices: Sequence[Choice], failure: str = "") -> Figure:
    """U, S and H above, with the epochs that were chosen; below a panel a loss term, each with its own scale.

    Args:
        history: With at least one number.
        choices: Epochs to be marked.
        failure: When and in what the run diverged; empty where it did not.
    """
    terms = list(history.losses)[:_MOST]
    rows = math.ceil(len(terms) / _COLUMNS)
    heights = [_ABOVE] * bool(history.metrics) + [_ROW * rows + 0.35] * bool(terms)
    with canvas(PAGE, sum(heights)) as figure:
        parts = iter(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0])
        if history.metrics:
            _accuracies(next(parts), history.metrics, choices)
        if terms:
            _losses(next(parts), history, terms, rows, failure)
    return figure


def _accuracies(
    part: SubFigure, metrics: Mapping[str, Mapping[str, Series]], choices: Sequence[Choice]
) -> None:
    panels = part.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
    for leg, axes in zip(metrics, panels, strict=True):
        axes.set(xlabel="epoch", ylim=(0, 102), title=_leg(leg) if len(metrics) > 1 else "")
        axes.xaxis.set_major_locator(MaxNLocator(steps=_STEPS, integer=True))
        for name in METRICS:
            if name in metrics[leg]:
                _line(axes, metrics[leg][name], color=_COLORS[name], label=name, marker=".")
        last = max(epoch for series in metrics[leg].values() for epoch in series.epochs)
        axes.set_xlim(0, 1.04 * max(1, last))
        peeks = iter(_PEEKS)
        for choice in choices:
            if choice.leg == leg:
                _mark(axes, choice, next(peeks) if choice.peeks else None)
    panels[0].set_ylabel("accuracy (%)")
    handles = {
        text: handle
        for axes in panels
        for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    part.legend(handles.values(), handles.keys(), loc="outside right center")
    part.suptitle(
        "accuracies at the evaluated epochs, after the head's last epoch", x=0.01, ha="left", fontsize=8
    )


def _mark(axes: Axes, choice: Choice, peek: str | None) -> None:
    """A star with its epoch where nothing was looked at, and the open marker ``peek`` where the test was."""
    if peek is None:
        axes.axvline(choice.epoch, color=NEUTRAL, alpha=0.5, linewidth=0.7, linestyle=":")
        style: dict[str, Any] = {"marker": "*", "markersize": 8}
    else:
        style = {"marker": peek, "markersize": 6, "fillstyle": "none"}
    axes.plot([choice.epoch], [choice.H], linestyle="", color=NEUTRAL, label=choice.label, zorder=3, **style)


def _losses(
    part: SubFigure, history: History, terms: Sequence[tuple[str, str]], rows: int, failure: str
) -> None:
    stages = history.stages
    colors = {stage: PALETTE[place % len(PALETTE)] for place, stage in enumerate(stages)}
    panels = part.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes, (stage, term) in zip(panels, terms, strict=False):
        axes.set_title(label(term, longest=24), fontsize=6.5)
        for leg, series in history.losses[stage, term].items():
            _line(axes, series, color=colors[stage], **_STYLES.get(leg, {}))
        _scale(axes, [value for series in history.losses[stage, term].values() for value in series.values])
    for axes in panels[len(terms) :]:
        axes.set_visible(False)
    part.supxlabel("epoch" if len(stages) == 1 else "epoch of the stage", fontsize=8)
    part.suptitle(_title(len(terms), len(history.losses), failure), x=0.01, ha="left", fontsize=8)
    shown = [Line2D([], [], color=colors[stage], label=label(f"stage {stage}")) for stage in stages]
    legs = list(dict.fromkeys(leg for series in history.losses.values() for leg in series))
    lines = [Line2D([], [], color=NEUTRAL, label=_leg(leg), **_STYLES.get(leg, {})) for leg in legs]
    handles = shown * (len(stages) > 1) + lines * (len(legs) > 1)
    if handles:
        part.legend(handles=handles, loc="outside upper right", ncols=2)


def _leg(name: str) -> str:
    return _LEGS.get(name, label(name))


def _title(shown: int, terms: int, failure: str) -> str:
    cut = "" if shown == terms else f", the first {shown} of {terms}"
    return f"losses{cut}" + (f"; {label(failure, longest=90)}" if failure else "")


def _line(axes: Axes, series: Series, **style: Any) -> None:
    """A line, or a dot where there is one epoch alone."""
    if len(series.epochs) == 1:
        style = {**style, "marker": "o"}
    axes.plot(series.epochs, series.values, **style)


def _scale(axes: Axes, values: Sequence[float]) -> None:
    if min(values) > 0 and max(values) > _WIDE * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=_STEPS))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=_STEPS, integer=True))
    axes.tick_params(labelsize=6)
