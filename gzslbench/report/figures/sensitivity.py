"""How the accuracies follow one parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, NullLocator
from numpy.typing import NDArray

from gzslbench.report.figures.canvas import canvas
from gzslbench.report.figures.style import COLUMN, HARMONIC, SEEN, UNSEEN, label
from gzslbench.report.statistics import estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gzslbench.report.leaderboard.entry import ParameterSweep

_METRICS = {"U": UNSEEN, "S": SEEN, "H": HARMONIC}
_APART = 0.12
"""Of the axis, the least from tick to tick."""
_WIDE = 20
"""Largest over smallest value from which on the axis is logarithmic."""


def sensitivity_figure(sweep: ParameterSweep, rule: str) -> Figure:
    """U, S and H over the parameter: means over seeds, in a band of their standard deviation.

    Args:
        sweep: Of runs that have numbers by ``rule``.
        rule: How the epoch of every number was chosen.
    """
    values = list(sweep.entries)
    with canvas(COLUMN, 0.85 * COLUMN) as figure:
        axes = figure.add_subplot(
            xlabel=label(sweep.parameter),
            ylabel="accuracy (%)",
            ylim=(0, 102),
        )
        for metric, color in _METRICS.items():
            found = [
                estimate([entry.summary.metrics[rule][metric] for entry in sweep.entries[value]])
                for value in values
            ]
            means = np.array([each.mean for each in found])
            spread = np.array([each.std or 0.0 for each in found])
            axes.fill_between(values, means - spread, means + spread, color=color, alpha=0.2, linewidth=0)
            axes.plot(values, means, "o-", color=color, label=metric)
        wide = values[0] > 0 and values[-1] > _WIDE * values[0]
        axes.set_xscale("log" if wide else "linear")
        axes.set_xticks(_ticks(values, np.log(values) if wide else np.array(values)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
        axes.set_title(label(f"{sweep.row} on {sweep.dataset}, by {rule}", longest=50), pad=18)
    return figure


def _ticks(values: Sequence[float], places: NDArray[np.float64]) -> list[float]:
    """The ``values`` whose names have room, the least first; ``places`` are theirs on the axis."""
    least = _APART * (places[-1] - places[0])
    taken, last = [], -np.inf
    for value, place in zip(values, places.tolist(), strict=True):
        if place - last >= least:
            taken.append(value)
            last = place
    return taken
