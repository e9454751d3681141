"""How every figure looks: one style, a palette that colour-blind readers can tell apart, names as they are.

Neutral lines and text are black, at most thinned by alpha: a themed SVG gives them the page's own colour.
"""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib.style

BLUE, VERMILLION, GREEN, ORANGE, SKY, PURPLE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#E69F00",
    "#56B4E9",
    "#CC79A7",
)
PALETTE = (BLUE, VERMILLION, GREEN, ORANGE, SKY, PURPLE)
"""Okabe and Ito's (2008), without black and yellow."""
SEEN, UNSEEN, HARMONIC = BLUE, VERMILLION, GREEN
NEUTRAL = "black"
INK = "#1a1a1a"
"""Text upon a coloured ground, which no theme may turn."""

COLUMN, PAGE = 3.4, 7.0
"""Widths of a column and of a page of two, in inches."""
SMALLEST = 4.0
"""Points of the smallest text that is drawn."""
DPI = 150
"""Of pictures made of pixels, and of the layout of all."""

STYLE: dict[str, Any] = {
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.07,
    "figure.constrained_layout.h_pad": 0.05,
    "figure.dpi": DPI,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "text.parse_math": False,  # class names may hold dollars
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "grid.color": NEUTRAL,
    "grid.alpha": 0.13,
    "grid.linewidth": 0.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "pdf.fonttype": 42,
    "svg.hashsalt": "gzslbench",
}


@contextmanager
def styled(**changes: Any) -> Iterator[None]:
    """The style inside, with ``changes``, whatever the user's own; both drawing and saving look at it."""
    with matplotlib.style.context(["default", {**STYLE, **changes}]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        yield


def label(text: object, longest: int = 40) -> str:
    """``text`` on one line of at most ``longest`` characters, without what no SVG may hold; never empty."""
    plain = "".join(
        " " if each.isspace() else "�" if unicodedata.category(each) in _UNDRAWABLE else each
        for each in str(text)
    ).strip()
    if not plain:
        return "(no name)"
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def width_of(texts: Sequence[str], points: float) -> float:
    """About as many inches as the longest of ``texts`` takes in letters of ``points``; 0 of none."""
    return max(map(len, texts), default=0) * _LETTER * points / 72


_LETTER = 0.64
_UNDRAWABLE = ("Cc", "Cs", "Cn", "Co")
"""Control characters, lone surrogates, and what is no character."""
