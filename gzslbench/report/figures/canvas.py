"""An empty figure to draw on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from matplotlib.figure import Figure

from gzslbench.report.figures.style import styled


@contextmanager
def canvas(width: float, height: float) -> Iterator[Figure]:
    """A figure of ``width`` by ``height`` inches, in the style; at the end its layout is settled for good."""
    with styled():
        figure = Figure(figsize=(width, height))
        yield figure
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
