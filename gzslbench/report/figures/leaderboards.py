"""Figures of leaderboards: scores, sensitivity to a parameter, critical-difference diagram."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

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
    unique_handles,
)
from gzslbench.report.figures.drawing import Drawing
from gzslbench.report.leaderboard.board import Board, Score
from gzslbench.report.leaderboard.entry import Entry, find_sweeps
from gzslbench.report.statistics import Ranking, estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PARAMETER = "syn_num"
"""Synthesized features per unseen class, for which papers usually show the sensitivity."""


def figures_of_boards(boards: Sequence[Board]) -> Iterator[Drawing]:
    """Return scores and critical difference of each board, and sensitivities to the number of features.

    Each method with two values of ``syn_num`` on a dataset has a sensitivity figure. The boards, at least
    one, are of one rule and one metric.
    """
    for number, board in enumerate(boards, start=1):
        suffix = f"-{number}" if len(boards) > 1 else ""
        group, metric = board.group, board.metric
        what = f"numbers by {board.rule}, features {group.features}, semantics {group.semantics},"
        what = "; ".join(filter(None, [f"{what} {group.setting}", board.reason]))
        title = f"{metric} of every method by dataset, mean over seeds with its 95 % interval; {what}."
        yield Drawing(f"scores{suffix}", title, partial(scores_figure, board))
        name = f"critical-difference{suffix}"
        title = f"Mean ranks of the methods by {metric} with the critical difference; {what}."
        ranking = board.ranking
        if ranking is None or ranking.critical_difference is None:
            shared = sum(all(dataset in row.scores for row in board.rows) for dataset in board.tasks)
            reason = "it needs three methods and two datasets that all of them have;"
            yield Drawing(name, title, reason=f"{reason} there are {len(board.rows)} and {shared}")
        else:
            yield Drawing(name, title, partial(critical_difference_figure, ranking))
    yield from _sensitivities(boards)


def _sensitivities(boards: Sequence[Board]) -> Iterator[Drawing]:
    rows = [row for board in boards for row in board.rows]
    entries = [entry for row in rows for score in row.scores.values() for entry in score.entries]
    found: dict[str, list[Mapping[float, Sequence[Entry]]]] = {}
    for sweep in find_sweeps(entries, PARAMETER):
        first = next(iter(sweep.values()))[0]
        stem = f"sensitivity-{PARAMETER}-{_file_name(first.row)}-{_file_name(first.dataset)}"
        found.setdefault(stem, []).append(sweep)
    if not found:
        reason = f"no two runs differ only in {PARAMETER} and their seed"
        yield Drawing("sensitivity", f"Accuracies by {PARAMETER}.", reason=reason)
    rule = boards[0].rule
    for stem, sweeps in found.items():
        for number, sweep in enumerate(sweeps, start=1):
            first = next(iter(sweep.values()))[0]
            title = f"U, S and H of {first.row} on {first.dataset} by {PARAMETER}, numbers by {rule}."
            name = f"{stem}-{number}" if len(sweeps) > 1 else stem
            yield Drawing(name, title, partial(sensitivity_figure, sweep, rule))


def _file_name(text: str) -> str:
    """Replace characters that do not belong in a file name."""
    return re.sub(r"[^\w.+=-]+", "_", text).strip("._") or "_"


_METHOD_INCHES, _REST_INCHES = 0.19, 0.9
"""Heights of a method, and of all but the methods."""
_PANEL_INCHES = {1: 2.8, 2: 2.4, 3: 1.9}
"""Width of a panel, by the number of panels in a row."""


def scores_figure(board: Board) -> Figure:
    """Draw a panel per dataset: means over seeds with 95 % intervals, and the seeds; best row first."""
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
        figure.legend(*unique_handles(panels), loc="outside lower left", ncols=3)
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


def sensitivity_figure(sweep: Mapping[float, Sequence[Entry]], rule: str) -> Figure:
    """Draw U, S and H over ``syn_num``: means over seeds in a band of their standard deviation.

    ``sweep`` maps values of the parameter, increasing, to runs that have numbers by the rule.
    """
    values, first = list(sweep), next(iter(sweep.values()))[0]
    with canvas(COLUMN, 0.85 * COLUMN) as figure:
        axes = figure.add_subplot(xlabel=PARAMETER, ylabel="accuracy (%)", ylim=(0, 102))
        for metric, color in _METRICS.items():
            estimates = [
                estimate([getattr(entry.summary.metrics[rule], metric) for entry in entries])
                for entries in sweep.values()
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
        axes.set_title(label(f"{first.row} on {first.dataset}, by {rule}", longest=50), pad=18)
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
        _axis(axes, methods, ranking.datasets, difference)
        for place, clique in enumerate(cliques):
            ends = [ranking.ranks[clique[-1]] + _OVERHANG, ranking.ranks[clique[0]] - _OVERHANG]
            height = _FIRST_BAR + _BAR * place
            bar: dict[str, Any] = {"linewidth": 3, "solid_capstyle": "butt", "label": "clique"}
            axes.plot(ends, [height, height], color=VERMILLION, **bar)
        for place, name in enumerate(worst):
            _elbow(axes, name, ranking.ranks[name], first + place, methods + _EDGE, "right")
        for place, name in enumerate(best):
            _elbow(axes, name, ranking.ranks[name], first + place, 1 - _EDGE, "left")
    return figure


def _axis(axes: Axes, methods: int, datasets: int, difference: float) -> None:
    """Draw the axis of ranks, and the critical difference to scale above its left end."""
    line: dict[str, Any] = {"color": NEUTRAL, "linewidth": 0.9}
    axes.plot([methods, 1], [0, 0], label="axis", **line)
    for rank in range(1, methods + 1):
        axes.plot([rank, rank], [0, -0.25], **line)
        axes.text(rank, -0.4, str(rank), ha="center", va="bottom", fontsize=7)
    axes.text(1, -1.75, f"mean rank over {datasets} datasets, 1 is best", ha="right", va="bottom", fontsize=7)
    axes.plot([methods, methods - difference], [-1.5, -1.5], "|-", label="critical difference", **line)
    axes.text(methods, -1.75, f"CD {difference:.2f}", ha="left", va="bottom", fontsize=7)


def _elbow(axes: Axes, name: str, rank: float, height: float, edge: float, side: str) -> None:
    """Draw a line from the axis down and out to the label, whose ``side`` is at the edge."""
    axes.plot([rank, rank, edge], [0, height, height], color=NEUTRAL, linewidth=0.7, label=name)
    texts = {"right": f"{label(name)}  {rank:.2f} ", "left": f" {rank:.2f}  {label(name)}"}
    axes.text(edge, height, texts[side], ha=side, va="center", fontsize=7)
