"""The split of a dataset's rows into those that train and those that test, and how to hold rows out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
PARTS = ("trainval", "test_seen", "test_unseen")


@dataclass(frozen=True)
class Split:
    """The rows of ``trainval``, ``test_seen`` and ``test_unseen``: sorted indices from 0.

    ``name`` says how the split was chosen: ``ps`` for the proposed split read from the dataset's files.
    """

    name: str
    trainval: Rows
    test_seen: Rows
    test_unseen: Rows

    def __post_init__(self) -> None:
        for part in PARTS:
            object.__setattr__(self, part, np.sort(np.asarray(getattr(self, part), dtype=np.int64).ravel()))

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the three sorted vectors: for each its name, its length and little-endian int64."""
        digest = hashlib.sha256()
        for part in PARTS:
            rows: Rows = getattr(self, part)
            digest.update(f"{part}:{len(rows)};".encode())
            digest.update(rows.astype("<i8").tobytes())
        return digest.hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows in each part."""
        return {part: len(getattr(self, part)) for part in PARTS}


def evenly_spaced(count: int, chosen: int) -> NDArray[np.int64]:
    """Return ``chosen`` of the positions 0 to ``count - 1``: the middles of as many equal intervals."""
    return (2 * np.arange(chosen, dtype=np.int64) + 1) * count // (2 * max(chosen, 1))


def hold_out(labels: NDArray[np.int64], rows: Rows, share: float) -> tuple[Rows, Rows]:
    """Split ``rows`` into those that stay and those that are held out, class by class.

    The held-out rows are evenly spaced, so no random number is needed. Of a class with n rows, n·share
    (rounded) are held out, but at least one and at most n-1; of a class with a single row, none. So every
    class keeps a row.

    Args:
        labels: ``(N,)`` classes of all rows.
        rows: The rows to split.
        share: Between 0 and 1.

    Returns:
        The rows that stay and the held-out rows, both sorted.
    """
    rows = np.sort(rows)
    is_held_out = np.zeros(len(rows), dtype=bool)
    for label in np.unique(labels[rows]):
        of_class = np.flatnonzero(labels[rows] == label)
        number = min(max(round(len(of_class) * share), 1), len(of_class) - 1)
        is_held_out[of_class[evenly_spaced(len(of_class), number)]] = True
    return rows[~is_held_out], rows[is_held_out]
