"""What must be the same on every machine of a cluster."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass, field
from importlib.metadata import version

from gzslbench._version import VERSION
from gzslbench.errors import ExecutorError


@dataclass(frozen=True)
class Versions:
    """Those of this process; torch is not imported."""

    gzslbench: str = VERSION
    python: str = field(default_factory=lambda: f"{sys.version_info.major}.{sys.version_info.minor}")
    torch: str = field(default_factory=lambda: version("torch").partition("+")[0])


def versions_here() -> Versions:
    """Those of the process that calls it."""
    return Versions()


def check_versions(driver: Versions, where: str, node: Versions | None = None) -> None:
    """Compare the driver's with those of a node, or of this process; builds of one torch are alike.

    Raises:
        ExecutorError: gzslbench or Python differ: numbers could too, unnoticed.

    Warns:
        RuntimeWarning: torch differs, which records tell.
    """
    node = node or Versions()
    for name in ("gzslbench", "python"):
        ours, theirs = getattr(driver, name), getattr(node, name)
        if ours != theirs:
            raise ExecutorError(
                f"{name} is {theirs} on a node, and {ours} here",
                where=where,
                fix=f"have {name} {ours} there, and start Ray by it",
            )
    if driver.torch != node.torch:
        warnings.warn(
            f"torch is {node.torch} on {where}, and {driver.torch} here: numbers may differ",
            RuntimeWarning,
            stacklevel=2,
        )
