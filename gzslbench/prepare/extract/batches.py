"""Photographs decoded in worker processes, in fixed batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from gzslbench.errors import ExtractionError
from gzslbench.plugins.extractor import Preparation
from gzslbench.prepare.extract.listings.listing import Listing
from gzslbench.prepare.extract.photograph import read_photograph
from gzslbench.prepare.extract.preparing import VIEWS, views


@dataclass(frozen=True)
class Batch:
    """Neighbouring rows.

    Attributes:
        number: Its place among all batches, from 0.
        rows: Those whose photographs can be read.
        views: ``(len(rows), V, 3, crop, crop)`` uint8, what the network sees of them.
        failures: By row, why its photograph cannot be read.
    """

    number: int
    rows: list[int]
    views: Tensor
    failures: dict[int, str]


def batches(
    images: Path,
    listing: Listing,
    preparation: Preparation,
    size: int,
    wanted: Sequence[int],
    workers: int,
    pinned: bool = False,
) -> Iterator[Batch]:
    """The batches numbered ``wanted``, in that order, of all rows in groups of ``size``.

    Which rows a batch holds depends on ``size`` alone: what is left out now is not mixed otherwise later.

    Args:
        images: The folder that the listing's files lie below.
        listing: Of all rows.
        preparation: How the network wants them.
        size: Rows of a batch; the last may have fewer.
        wanted: Numbers from 0.
        workers: Processes that decode; 0 decodes in this one.
        pinned: Whether views lie in memory that a GPU copies from by itself.
    """
    loader = DataLoader(
        _Rows(images, listing, preparation, size),
        batch_size=None,
        sampler=list(wanted),
        num_workers=workers,
        prefetch_factor=2 if workers else None,
        pin_memory=pinned,
    )
    for number, rows, pixels, failures in loader:
        yield Batch(number, rows, pixels, failures)


class _Rows(Dataset[tuple[int, list[int], Tensor, dict[int, str]]]):
    """By number, a whole batch: one message from a worker, not one a photograph."""

    def __init__(self, images: Path, listing: Listing, preparation: Preparation, size: int) -> None:
        self.images = images
        self.listing = listing
        self.preparation = preparation
        self.size = size

    def __getitem__(self, number: int) -> tuple[int, list[int], Tensor, dict[int, str]]:
        """The batch's number, rows, views and failures."""
        first = number * self.size
        read: dict[int, Tensor] = {}
        failures = {}
        for row in range(first, min(first + self.size, len(self.listing.files))):
            file, box = self.listing.files[row], self.listing.box(row)
            try:
                read[row] = views(read_photograph(self.images / file, box), self.preparation)
            except ExtractionError as error:
                failures[row] = f"{file}: {error.what}"
        crop = self.preparation.crop
        none = torch.zeros(0, VIEWS[self.preparation.crops], 3, crop, crop, dtype=torch.uint8)
        return number, list(read), torch.stack(list(read.values())) if read else none, failures
