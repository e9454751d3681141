"""Compute the features of images, batch by batch; worker processes decode the images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from gzslbench.computing.device import autocast, matmul_precision
from gzslbench.errors import ExtractionError
from gzslbench.plugins.extractor import Extractor, ExtractorSpec, ImageTransform, Preparation, Request
from gzslbench.prepare.extract.image import read_image
from gzslbench.prepare.extract.image_lists.image_list import ImageList
from gzslbench.prepare.extract.partial import PartialFeatures
from gzslbench.prepare.extract.preprocess import normalize, preprocess


@dataclass(frozen=True)
class Extraction:
    """A loaded extractor, and how to run it.

    Attributes:
        spec: The extractor's spec.
        extractor: The network with its weights.
        request: Which of the extractor's networks it is.
        batch_size: Images in a batch.
        workers: Processes that decode images; 0 decodes in this process.
        device: Where the network computes.
        precision: ``fp32``, ``tf32`` or ``bf16``.
    """

    spec: ExtractorSpec
    extractor: Extractor
    request: Request = field(default_factory=Request)
    batch_size: int = 32
    workers: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: str = "fp32"

    def provenance(self) -> dict[str, object]:
        """Return everything that decides the features apart from the images, ready for JSON."""
        extractor, request = self.extractor, self.request
        preparation = extractor.preparation
        if isinstance(preparation, ImageTransform):
            settings = dict(preparation.settings)
        else:
            settings = asdict(preparation)
        return {
            "extractor": self.spec.name,
            "version": self.spec.version,
            "model": request.model,
            "layer": request.layer,
            "pooling": request.pooling,
            "weights": extractor.weights.name,
            "weights_sha256": extractor.weights.sha256,
            "preparation": settings,
            "batch_size": self.batch_size,
            "precision": self.precision,
            "device": self.device.type,
            "packages": {name: version(name) for name in ("torch", "pillow", *extractor.packages)},
        }

    def features(self, views: Tensor) -> Tensor:
        """Map ``(B, V, 3, h, w)`` from ``preprocess`` to ``(B, width)`` float32, the mean over the views."""
        pixels = normalize(views.to(self.device, non_blocking=True), self.extractor.preparation).flatten(0, 1)
        with autocast(self.device, self.precision):
            output: Tensor = self.extractor.network(pixels.contiguous(memory_format=torch.channels_last))
        if output.ndim != 2:
            raise ExtractionError(
                f"the network maps {len(pixels)} images to {tuple(output.shape)}, not to one row per image",
                where=self.spec.load,
                fix="the extractor must pool over places and flatten",
            )
        return output.float().view(*views.shape[:2], -1).mean(1)

    @cached_property
    def width(self) -> int:
        """The number of features of one image."""
        blank = preprocess(Image.new("RGB", (64, 64)), self.extractor.preparation)
        with self.computing():
            return self.features(blank[None, :1]).shape[1]

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Move the network to the device, and set inference mode and precision for the block."""
        self.extractor.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        with torch.inference_mode(), matmul_precision(self.precision, deterministic=False):
            yield


@dataclass(frozen=True)
class Batch:
    """Neighboring rows of the image list.

    Attributes:
        number: The batch's number, from 0.
        rows: The rows whose images can be read.
        views: ``(len(rows), V, 3, h, w)``, see ``preprocess``.
        failures: Why an image cannot be read, by row.
    """

    number: int
    rows: list[int]
    views: Tensor
    failures: dict[int, str]


def compute_features(
    extraction: Extraction,
    image_list: ImageList,
    images: Path,
    folder: Path,
    step: Callable[[int], None] = lambda rows: None,
    note: Callable[[str], None] = lambda text: None,
) -> tuple[PartialFeatures, dict[int, str]]:
    """Compute the features of every image, and report by row why an image has none.

    Batches that an interrupted extraction of the same kind left in ``folder`` are not computed again,
    unless one of their images has changed or was in another folder.

    Args:
        extraction: How to compute.
        image_list: The images.
        images: The folder with the images.
        folder: Where unfinished features are stored; the caller has its lock, see ``lock_partial``.
        step: Receives how many more rows are done.
        note: Receives lines about an interrupted extraction that continues.

    Raises:
        ExtractionError: Features cannot be stored, or are NaN or infinite.
    """
    owner = hashlib.sha256(json.dumps(extraction.provenance(), sort_keys=True).encode()).hexdigest()
    size, count = extraction.batch_size, len(image_list.files)
    partial = PartialFeatures(folder, (count, extraction.width), f"{owner} {image_list.fingerprint}")
    checksums = batch_checksums(images, image_list.files, size)
    done = _find_unchanged(partial.done(), checksums, note)
    missing = [number for number in range(-(-count // size)) if number not in done]
    rows_before = sum(min(size, count - number * size) for number in done)
    if rows_before:
        note(f"continues: {rows_before} of {count} images were computed before")
    step(rows_before)
    failures: dict[int, str] = {}
    batches = load_batches(extraction, image_list, images, missing)
    with extraction.computing():
        for batch, computed in _compute_ahead(batches, extraction):
            if computed is not None:
                features = computed.cpu().numpy()
                _check_finite(features, batch.rows, image_list.files)
                if batch.failures:  # not marked as done: the images may be readable next time
                    partial.features[batch.rows] = features
                else:
                    partial.store(batch.number, checksums[batch.number], batch.rows, features)
            failures |= batch.failures
            step(len(batch.rows) + len(batch.failures))
    return partial, failures


def batch_checksums(images: Path, files: Sequence[str], size: int) -> list[str]:
    """Return one checksum per batch that changes if an image changes or the images' folder is another.

    It is made of the folder, and of size and time of change of every image; no image is read.
    """
    folder = str(images.resolve())

    def checksum(batch: Sequence[str]) -> str:
        text = "\n".join([folder, *(_file_state(images / file) for file in batch)])
        return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()

    return [checksum(files[first : first + size]) for first in range(0, len(files), size)]


def load_batches(
    extraction: Extraction, image_list: ImageList, images: Path, numbers: Sequence[int]
) -> Iterator[Batch]:
    """Yield the batches with these numbers. The rows of a batch depend only on the batch size."""
    workers = extraction.workers
    loader = DataLoader(
        _BatchDataset(images, image_list, extraction.extractor.preparation, extraction.batch_size),
        batch_size=None,  # The dataset makes the batches: a worker sends one message per batch.
        sampler=list(numbers),
        num_workers=workers,
        prefetch_factor=2 if workers else None,
        pin_memory=extraction.device.type == "cuda",  # a GPU copies from pinned memory by itself
    )
    for number, rows, views, failures in loader:
        yield Batch(number, rows, views, failures)


class _BatchDataset(Dataset[tuple[int, list[int], Tensor, dict[int, str]]]):
    def __init__(
        self, images: Path, image_list: ImageList, preparation: Preparation | ImageTransform, size: int
    ) -> None:
        self.images = images
        self.image_list = image_list
        self.preparation = preparation
        self.size = size

    def __getitem__(self, number: int) -> tuple[int, list[int], Tensor, dict[int, str]]:
        first = number * self.size
        views: dict[int, Tensor] = {}
        failures = {}
        for row in range(first, min(first + self.size, len(self.image_list.files))):
            file = self.image_list.files[row]
            try:
                image = read_image(self.images / file, self.image_list.box(row))
            except ExtractionError as error:
                failures[row] = f"{file}: {error.what}"
            else:
                views[row] = preprocess(image, self.preparation)
        return number, list(views), torch.stack([*views.values()]) if views else torch.zeros(0), failures


def _file_state(file: Path) -> str:
    try:
        status = file.stat()
    except OSError:
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns}"


def _find_unchanged(
    stored: Mapping[int, str], checksums: Sequence[str], note: Callable[[str], None]
) -> set[int]:
    """Return the stored batches whose images have not changed."""
    unchanged = {number for number, checksum in stored.items() if checksum == checksums[number]}
    if len(unchanged) < len(stored):
        note(
            f"{len(stored) - len(unchanged)} of {len(stored)} stored batches are computed again:"
            " their images have changed, or were in another folder"
        )
    return unchanged


def _compute_ahead(batches: Iterable[Batch], extraction: Extraction) -> Iterator[tuple[Batch, Tensor | None]]:
    """Yield every batch with its features after the next one has started, so that a GPU need not wait."""
    last: tuple[Batch, Tensor | None] | None = None
    for batch in batches:
        computed = extraction.features(batch.views) if batch.rows else None
        if last is not None:
            yield last
        last = batch, computed
    if last is not None:
        yield last


def _check_finite(features: NDArray[np.float32], rows: Sequence[int], files: Sequence[str]) -> None:
    bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(bad):
        raise ExtractionError(
            "the network gives NaN or infinite features",
            where=files[rows[bad[0]]],
            fix="check the weights, or try --precision fp32",
        )
