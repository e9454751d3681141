"""The seen-unseen curve on the terminal and as JSON."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.evaluation.curve import SeenUnseenCurve
from gzslbench.evaluation.metrics import harmonic_mean

POINTS = 12
AS_PREDICTED = "as predicted, nothing subtracted"
BEST = "best H: gamma chosen on TEST"


def curve_json(curve: SeenUnseenCurve) -> dict[str, Any]:
    """Every point, the area and the best point; an infinite gamma is null."""
    best = curve.best
    return {
        "AUSUC": curve.area,
        "best": {**best._asdict(), "gamma": _finite(best.gamma), "chosen_on": "test"},
        "gamma": [_finite(gamma) for gamma in curve.gamma.tolist()],
        "S": curve.S.tolist(),
        "U": curve.U.tolist(),
    }


def curve_table(curve: SeenUnseenCurve) -> RenderableType:
    """The area, and about twelve points from seen classes alone to unseen classes alone.

    Among them are the run's own S and U and the point of best H, which says that it is chosen on test.
    """
    own, best = curve.position(0.0), curve.position(curve.best.gamma)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("gamma", "S", "U", "H"):
        table.add_column(name, justify="right")
    table.add_column("")
    for i in sorted({*_spread(curve), own, best}):
        gamma, S, U = (float(values[i]) for values in (curve.gamma, curve.S, curve.U))
        notes = [note for place, note in ((own, AS_PREDICTED), (best, BEST)) if place == i]
        numbers = (f"{value:.2f}" for value in (S, U, harmonic_mean(U, S)))
        style = "yellow" if i == best else ""
        table.add_row(_text(0.0 if i == own else gamma), *numbers, "; ".join(notes), style=style)
    title = "seen-unseen curve: gamma is subtracted from the scores of the seen classes"
    return Group(Text(title, style="bold"), table, Text(f"AUSUC {curve.area:.2f}"))


def _spread(curve: SeenUnseenCurve) -> list[int]:
    """Positions of at most POINTS points, both ends and others at even steps of U - S, which only grows."""
    gained = curve.U - curve.S
    places: list[int] = np.searchsorted(gained, np.linspace(gained[0], gained[-1], POINTS)).tolist()
    return places


def _finite(gamma: float) -> float | None:
    return gamma if math.isfinite(gamma) else None


def _text(gamma: float) -> str:
    return f"{gamma:.4g}" if math.isfinite(gamma) else "∞"
