"""Photographs decoded in worker processes, in fixed batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from gzslbench.errors import ExtractionError
from gzslbench.extraction.photograph import prepared, read_photograph
from gzslbench.extractor import Preparation


@dataclass(frozen=True)
class Batch:
    """Neighbouring rows.

    Attributes:
        number: Its place among all batches, from 0.
        photographs: ``(B, 3, crop, crop)``; what cannot be read is 0.
        failures: By row, why its photograph cannot be read.
    """

    number: int
    photographs: Tensor
    failures: dict[int, str]


def batches(
    images: Path,
    files: Sequence[str],
    preparation: Preparation,
    size: int,
    wanted: Sequence[int],
    workers: int,
) -> Iterator[Batch]:
    """The batches numbered ``wanted``, in that order, of all ``files`` in groups of ``size``.

    Which rows a batch holds depends on ``size`` alone: what is left out now is not mixed otherwise later.

    Args:
        images: The folder that ``files`` lie below.
        files: Of all rows.
        preparation: How the network wants them.
        size: Rows of a batch; the last may have fewer.
        wanted: Numbers from 0.
        workers: Processes that decode; 0 decodes in this one.
    """
    rows = _Rows(images, files, preparation, size)
    loader = DataLoader(
        rows,
        batch_size=None,
        sampler=list(wanted),
        num_workers=workers,
        prefetch_factor=2 if workers else None,
    )
    for number, photographs, failures in loader:
        yield Batch(number, photographs, failures)


class _Rows(Dataset[tuple[int, Tensor, dict[int, str]]]):
    """By number, a whole batch: one message from a worker, not one a photograph."""

    def __init__(self, images: Path, files: Sequence[str], preparation: Preparation, size: int) -> None:
        self.images = images
        self.files = files
        self.preparation = preparation
        self.size = size

    def __getitem__(self, number: int) -> tuple[int, Tensor, dict[int, str]]:
        """The batch's number, photographs and failures."""
        first = number * self.size
        photographs, failures = [], {}
        for row, file in enumerate(self.files[first : first + self.size], start=first):
            try:
                photographs.append(prepared(read_photograph(self.images / file), self.preparation))
            except ExtractionError as error:
                failures[row] = f"{file}: {error.what}"
                photographs.append(torch.zeros(3, self.preparation.crop, self.preparation.crop))
        return number, torch.stack(photographs), failures
