"""Numbers that others have published: a TOML file a method, as ``gzslbench.report.published`` reads them.

Every number names where it was read. A cell that a source misprints is stored mended, and its note says what
is printed; cells that contradict themselves beyond mending are stored as printed, and flagged when read.
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
