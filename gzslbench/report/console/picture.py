"""A run's summary as an SVG, for a page or a slide."""

from __future__ import annotations

import io
import re

from rich.console import Console

from gzslbench.report.console.console import run_summary
from gzslbench.runs.record import Record
from gzslbench.runs.store import RunFolder

TITLE = "gzslbench"
WIDEST = 160
HEIGHT = 25  # of no effect, but without one rich makes a dumb terminal 80 columns wide


def summary_svg(record: Record, folder: RunFolder) -> str:
    """What ``gzslbench run`` prints at the end, in the terminal's colours, as wide as its longest line."""
    summary = run_summary(record, folder)
    width = Console(width=WIDEST, height=HEIGHT).measure(summary).maximum
    console = Console(
        record=True,
        file=io.StringIO(),
        width=width,
        height=HEIGHT,
        force_terminal=True,
        color_system="truecolor",
        no_color=False,
        highlight=False,
    )
    console.print(summary)
    return _without_web_fonts(console.export_svg(title=TITLE))


def _without_web_fonts(svg: str) -> str:
    """Rich names fonts on the web; a picture should ask nobody, and falls back to the reader's own."""
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
