"""Which photographs a dataset has, in the order that its split indexes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Listing:
    """Photographs in the order of a dataset's rows.

    Attributes:
        files: N paths below the folder of photographs, with slashes.
        labels: ``(N,)`` int64 from 0.
    """

    files: tuple[str, ...]
    labels: NDArray[np.int64]

    @property
    def fingerprint(self) -> str:
        """sha256 of names and labels in their order."""
        digest = hashlib.sha256("\n".join(self.files).encode())
        digest.update(self.labels.astype("<i8").tobytes())
        return digest.hexdigest()
