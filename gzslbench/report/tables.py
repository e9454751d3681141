"""A table before it has a format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: What it reads.
        best: Whether it is the best of its column.
        tied: Whether it is not significantly worse than the best.
    """

    text: str
    best: bool = False
    tied: bool = False


@dataclass(frozen=True)
class Sheet:
    """A table with its title and notes.

    Attributes:
        title: Above it.
        header: Names of the columns.
        rows: As long as the header.
        notes: Below it, a sentence each.
        words: Which columns, from 0, hold words; the others hold numbers and are flushed right.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    words: Sequence[int] = (0,)
