"""Losses and accuracies over the epochs of a training, with the epochs that were chosen."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator, NullLocator

from gzslbench.evaluation.selection import PEEKS
from gzslbench.report.figures.canvas import BLUE, HARMONIC, NEUTRAL, PAGE, SEEN, UNSEEN, canvas, label
from gzslbench.runs.record import Record

METRICS = {"U": UNSEEN, "S": SEEN, "H": HARMONIC}
"""The metrics that are drawn, with their colours."""
FITS = {"validation": "validation fit: held-out classes", "final": "final fit: all of trainval"}
Series = list[tuple[int, float]]
"""Values by epoch, which counts from 1 in each stage."""


@dataclass(frozen=True)
class ChosenEpochs:
    """The epochs of model and head that a selection rule chose in a fit, and H there in percent."""

    fit: str
    epoch: int
    head_epoch: int
    H: float
    rule: str
    peeks: bool

    @property
    def label(self) -> str:
        """The rule and the epochs; says so where they were chosen on the test set."""
        how = ", chosen on TEST" if self.peeks else ""
        text = f"{self.rule}: epoch {self.epoch}, head's epoch {self.head_epoch}{how}"
        return textwrap.fill(text, 32, break_on_hyphens=False)


def chosen_epochs(record: Record) -> Iterator[ChosenEpochs]:
    """Yield the run's own epochs first, then those chosen on test, then those of the validation fit."""
    own = [record.selection] if record.selection in record.metrics else []
    for rule in (*own, *(rule for rule in record.metrics if rule in PEEKS)):  # a gamma moves no curve
        found = record.metrics[rule]
        yield ChosenEpochs("final", found.epoch, found.head_epoch, found.H, rule, rule in PEEKS)
    if (best := record.validation) is not None:
        rule = "best H of validation classes"
        yield ChosenEpochs("validation", best.epoch, best.head_epoch, best.H, rule, peeks=False)


@dataclass
class History:
    """The losses of the last fit by stage and ``phase/term``, and U, S and H of every fit; all by epoch."""

    losses: dict[tuple[str, str], Series]
    metrics: dict[str, dict[str, Series]]
    fit: str = "final"


def read_history(lines: Iterable[Mapping[str, Any]]) -> History:
    """Read the lines of metrics.jsonl; unknown fits and values that are not finite numbers are skipped."""
    history = History({}, {})
    for line in lines:
        fit, stage, epoch = line.get("leg", "final"), str(line.get("stage", "")), int(line["epoch"])
        if fit not in FITS:
            continue
        if fit != history.fit:
            history.losses.clear()
            history.fit = fit
        for term, value in _numbers(line.get("losses")):
            history.losses.setdefault((stage, term), []).append((epoch, value))
        for name, value in _numbers(line.get("metrics")):
            if name in METRICS:
                history.metrics.setdefault(fit, {}).setdefault(name, []).append((epoch, value))
    return history


def _numbers(values: Any) -> Iterable[tuple[str, float]]:
    for name, value in values.items() if isinstance(values, dict) else ():
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            yield str(name), float(value)


_PEEK_MARKERS = "Ds^"
_COLUMNS = 4
_ACCURACIES_INCHES, _ROW_INCHES = 2.3, 1.25
"""Heights of the accuracies, and of a row of losses."""
_LOG_RATIO = 100.0
"""The axis of a positive loss is logarithmic if its largest value is so many times the smallest."""
_TITLE: dict[str, Any] = {"x": 0.01, "ha": "left", "fontsize": 8}


def training_curves_figure(history: History, choices: Sequence[ChosenEpochs], failure: str = "") -> Figure:
    """Draw U, S and H with the chosen epochs; below, a panel per loss term, each with its own scale."""
    columns = min(_COLUMNS, len(history.losses))
    rows = math.ceil(len(history.losses) / _COLUMNS)
    heights = [_ACCURACIES_INCHES] * bool(history.metrics) + [_ROW_INCHES * rows + 0.35] * bool(rows)
    with canvas(PAGE, sum(heights)) as figure:
        parts = iter(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0])
        if history.metrics:
            _accuracies(next(parts), history.metrics, choices)
        if rows:
            _losses(next(parts), history, (rows, columns), failure)
    return figure


def _accuracies(
    part: SubFigure, metrics: Mapping[str, Mapping[str, Series]], choices: Sequence[ChosenEpochs]
) -> None:
    panels = part.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
    for fit, axes in zip(metrics, panels, strict=True):
        axes.set(xlabel="epoch", ylim=(0, 102), title=FITS[fit] if len(metrics) > 1 else "")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        for name, color in METRICS.items():
            if name in metrics[fit]:
                _line(axes, metrics[fit][name], color=color, label=name, marker=".")
        last = max(epoch for series in metrics[fit].values() for epoch, _ in series)
        axes.set_xlim(0, 1.04 * max(1, last))
        peeks = iter(_PEEK_MARKERS)
        for choice in choices:
            if choice.fit == fit:
                _mark(axes, choice, next(peeks) if choice.peeks else None)
    panels[0].set_ylabel("accuracy (%)")
    handles = {
        text: handle
        for axes in panels
        for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    part.legend(list(handles.values()), list(handles), loc="outside right center")
    part.suptitle("accuracies at the evaluated epochs, after the head's last epoch", **_TITLE)


def _mark(axes: Axes, choice: ChosenEpochs, peek: str | None) -> None:
    """Mark an epoch: with a star, or with the open marker ``peek`` where it was chosen on test."""
    if peek is None:
        axes.axvline(choice.epoch, color=NEUTRAL, alpha=0.5, linewidth=0.7, linestyle=":")
        style: dict[str, Any] = {"marker": "*", "markersize": 8}
    else:
        style = {"marker": peek, "markersize": 6, "fillstyle": "none"}
    axes.plot([choice.epoch], [choice.H], linestyle="", color=NEUTRAL, label=choice.label, zorder=3, **style)


def _losses(part: SubFigure, history: History, grid: tuple[int, int], failure: str) -> None:
    one_stage = len({stage for stage, _ in history.losses}) == 1
    panels = part.subplots(*grid, squeeze=False).ravel()
    for axes, ((stage, term), series) in zip(panels, history.losses.items(), strict=False):
        axes.set_title(label(term if one_stage else f"{stage}: {term}", longest=28), fontsize=6)
        _line(axes, series, color=BLUE)
        values = [value for _, value in series]
        if min(values) > 0 and max(values) > _LOG_RATIO * min(values):
            axes.set_yscale("log")
            axes.yaxis.set_minor_locator(NullLocator())
        else:
            axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", "−"))
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.tick_params(labelsize=6)
    for axes in panels[len(history.losses) :]:
        axes.set_visible(False)
    part.supxlabel("epoch" if one_stage else "epoch of the stage", fontsize=8)
    how = f"; {label(failure, longest=90)}" if failure else ""
    part.suptitle(f"losses, {FITS[history.fit]}{how}", **_TITLE)


def _line(axes: Axes, series: Series, **style: Any) -> None:
    """Draw a line, or a dot where there is only one epoch."""
    if len(series) == 1:
        style = {**style, "marker": "o"}
    axes.plot(*zip(*series, strict=True), **style)
