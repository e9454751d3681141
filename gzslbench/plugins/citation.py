"""When a paper appeared."""

from __future__ import annotations

import re


def year_of(paper: str) -> int | None:
    """The last year that a citation names; None where it names none."""
    years = re.findall(r"\b(?:19|20)\d\d\b", paper)
    return int(years[-1]) if years else None
