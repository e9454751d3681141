"""Holding rows out without a random number: evenly spaced through each class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.split import Rows


def evenly_spaced(count: int, chosen: int) -> NDArray[np.int64]:
    """``chosen`` of the positions 0 to ``count - 1``, the middle of each of as many equal stretches."""
    return (2 * np.arange(chosen, dtype=np.int64) + 1) * count // (2 * max(chosen, 1))


def hold_out(labels: NDArray[np.int64], rows: Rows, share: float) -> tuple[Rows, Rows]:
    """Split ``rows`` into those kept and those held out, class by class.

    Of a class with n rows, n·share (rounded) are held out, but at least one and at most n-1; of a class
    with a single row, none. So every class keeps a row.

    Args:
        labels: ``(N,)`` classes of all rows.
        rows: The rows to split.
        share: Between 0 and 1.

    Returns:
        The kept and the held-out rows, each sorted.
    """
    rows = np.sort(rows)
    held = np.zeros(len(rows), dtype=bool)
    for label in np.unique(labels[rows]):
        of_class = np.flatnonzero(labels[rows] == label)
        number = min(max(round(len(of_class) * share), 1), len(of_class) - 1)
        held[of_class[evenly_spaced(len(of_class), number)]] = True
    return rows[~held], rows[held]
