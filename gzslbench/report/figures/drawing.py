"""A figure that can be drawn, or the reason why not; this module does not import matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from gzslbench.errors import GzslBenchError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg")
"""File formats of figures."""


@dataclass(frozen=True)
class Drawing:
    """One figure of a run or of leaderboards.

    Attributes:
        name: Name of its file, without the suffix.
        title: A sentence for readers who cannot see it.
        draw: Draws it; None if there is nothing to draw.
        reason: Why there is nothing to draw.
    """

    name: str
    title: str
    draw: Callable[[], Figure] | None = None
    reason: str = ""


def require_matplotlib() -> None:
    """Check that matplotlib is installed, without importing it; a GzslBenchError says how to install it."""
    if find_spec("matplotlib") is None:
        raise GzslBenchError(
            "figures need matplotlib, which is not installed",
            fix="pip install 'gzslbench[figures]'",
        )
