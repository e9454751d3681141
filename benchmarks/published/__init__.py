"""Numbers that others have published: a TOML file per method, as ``gzslbench.report.published`` reads them.

Every number names its source. A misprinted cell is stored corrected, and its note says what is printed. Cells
that contradict each other and cannot be corrected are stored as printed, and flagged when they are read.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gzslbench.plugins.hooks import hookimpl

FOLDER = Path(__file__).parent


@hookimpl
def gzslbench_published() -> Iterable[Path]:
    """This folder."""
    return [FOLDER]
