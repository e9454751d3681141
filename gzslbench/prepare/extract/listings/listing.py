"""Which photographs a dataset has, in the order that its split indexes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Listing:
    """Photographs in the order of a dataset's rows.

    Attributes:
        files: N paths below the folder of photographs, with slashes.
        labels: ``(N,)`` int64 from 0.
        boxes: ``(N, 4)`` int64, the left, upper, right and lower edge of each row's object in pixels from 0,
            the latter two beyond it; None where nobody has drawn any.
        boxed: Whether a row is what its box holds, and not the whole photograph.
    """

    files: tuple[str, ...]
    labels: NDArray[np.int64]
    boxes: NDArray[np.int64] | None = None
    boxed: bool = False

    def box(self, row: int) -> tuple[int, int, int, int] | None:
        """What is cut out of the photograph of ``row``; None where all of it is taken."""
        if self.boxes is None or not self.boxed:
            return None
        left, upper, right, lower = self.boxes[row].tolist()
        return left, upper, right, lower

    def taken(self, rows: NDArray[np.int64]) -> Listing:
        """These rows, in this order."""
        files = tuple(self.files[row] for row in rows.tolist())
        boxes = None if self.boxes is None else self.boxes[rows]
        return replace(self, files=files, labels=self.labels[rows], boxes=boxes)

    @property
    def fingerprint(self) -> str:
        """sha256 of names, labels and what is cut out, in their order."""
        digest = hashlib.sha256("\n".join(self.files).encode())
        digest.update(self.labels.astype("<i8").tobytes())
        if self.boxed and self.boxes is not None:
            digest.update(self.boxes.astype("<i8").tobytes())
        return digest.hexdigest()


class List(Protocol):
    """Makes a listing, as ``DatasetSpec.photographs`` names it."""

    def __call__(self, folder: Path, images: Path) -> Listing:
        """The listing of the dataset in ``folder`` whose photographs lie below ``images``.

        Raises:
            DataError: The index files are not there or damaged, or contradict the dataset's files.
        """
        ...
