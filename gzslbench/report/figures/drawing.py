"""A figure that can be drawn, or the reason why not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg")
"""What a figure can be written as."""


@dataclass(frozen=True)
class Drawing:
    """One figure of a run or of leaderboards.

    Attributes:
        name: What its file is called, without the ending.
        title: A sentence for readers who do not see it.
        draw: Draws it; None where there is nothing to draw.
        reason: Why there is none; empty where there is one.
    """

    name: str
    title: str
    draw: Callable[[], Figure] | None = None
    reason: str = ""


def file_stem(*parts: object) -> str:
    """``parts`` joined by hyphens, without what does not belong in the name of a file."""
    return "-".join(re.sub(r"[^\w.+=-]+", "_", str(part)).strip("._") or "_" for part in parts)
