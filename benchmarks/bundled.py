"""The suites next to this module, and what we measured with them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gzslbench.plugins.hooks import hookimpl

FOLDER = Path(__file__).parent


@hookimpl
def gzslbench_suites() -> Iterable[Path]:
    """Return this folder, which contains ``suites`` and ``metrics``."""
    return [FOLDER]
