"""Which rows train, and which test: the three index vectors of a GZSL split."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Row indices from 0, each vector sorted: ``trainval``, ``test_seen`` and ``test_unseen``.

    ``name`` says how the split was made: ``ps`` for the proposed split read from the dataset's files.
    """

    name: str
    trainval: Rows
    test_seen: Rows
    test_unseen: Rows

    def __post_init__(self) -> None:
        for part in ("trainval", "test_seen", "test_unseen"):
            object.__setattr__(self, part, np.sort(np.asarray(getattr(self, part), dtype=np.int64).ravel()))

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the three sorted vectors, each as its name, its length and little-endian int64."""
        digest = hashlib.sha256()
        for part in ("trainval", "test_seen", "test_unseen"):
            rows: Rows = getattr(self, part)
            digest.update(f"{part}:{len(rows)};".encode())
            digest.update(rows.astype("<i8").tobytes())
        return digest.hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        """Rows in each part."""
        return {part: len(getattr(self, part)) for part in ("trainval", "test_seen", "test_unseen")}
