"""Whether the extra that draws is installed."""

from __future__ import annotations

from importlib.util import find_spec

from gzslbench.errors import GzslBenchError


def require_matplotlib() -> None:
    """Make sure that figures can be drawn; nothing is imported.

    Raises:
        GzslBenchError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise GzslBenchError(
            "figures are drawn by matplotlib, which is not installed",
            fix="pip install 'gzslbench[figures]'",
        )
