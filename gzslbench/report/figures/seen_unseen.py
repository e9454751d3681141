"""The seen-unseen curve: S over U while the scores of the seen classes are lowered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gzslbench.evaluation.metrics import harmonic_mean
from gzslbench.report.figures.canvas import canvas
from gzslbench.report.figures.style import BLUE, COLUMN, HARMONIC, NEUTRAL, VERMILLION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from gzslbench.evaluation.curve import SeenUnseenCurve

_GROUND = 300
"""Most points of the area's edge, which lies under the curve."""


def seen_unseen_figure(curve: SeenUnseenCurve) -> Figure:
    """The curve, in percent, with the run's own point and the point of highest H, which is chosen on test."""
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
        some = np.unique(np.linspace(0, len(curve.U) - 1, _GROUND).astype(int))
        axes.fill_between(curve.U[some], curve.S[some], color=BLUE, alpha=0.1, linewidth=0)
        axes.plot(curve.U, curve.S, color=BLUE, label="curve of calibrated stacking")
        if H > 0:
            _contour(axes, H)
        own = f"the run itself: H {H:.1f}"
        axes.plot([U], [S], "o", color=VERMILLION, markersize=6, clip_on=False, zorder=3, label=own)
        chosen = f"best H {best.H:.1f}: gamma chosen on TEST"
        axes.plot(
            [best.U],
            [best.S],
            "D",
            color=HARMONIC,
            fillstyle="none",
            markeredgewidth=1.2,
            markersize=5,
            clip_on=False,
            zorder=3,
            label=chosen,
        )
        figure.legend(loc="outside lower left")
    return figure


def _contour(axes: Axes, H: float) -> None:
    """All U and S whose harmonic mean is ``H``: S = H U / (2 U - H)."""
    U = np.linspace(H / (2 - H / 100), 100, 200)
    axes.plot(
        U, H * U / (2 * U - H), ":", color=NEUTRAL, alpha=0.5, linewidth=0.9, label=f"all points of H {H:.1f}"
    )
