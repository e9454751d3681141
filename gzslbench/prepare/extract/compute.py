"""Compute the features of images, batch by batch; worker processes decode the images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from gzslbench.computing.device import autocast, matmul_precision
from gzslbench.errors import ExtractionError
from gzslbench.plugins.extractor import Extractor, ExtractorSpec, ImageTransform, Request
from gzslbench.prepare.extract.image import normalize, preprocess, read_image
from gzslbench.prepare.extract.image_list import ImageList
from gzslbench.prepare.extract.partial import PartialFeatures


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
        extractor, request, preparation = self.extractor, self.request, self.extractor.preparation
        transform = preparation if isinstance(preparation, ImageTransform) else None
        return {
            "extractor": self.spec.name,
            "version": self.spec.version,
            "model": request.model,
            "layer": request.layer,
            "pooling": request.pooling,
            "weights": extractor.weights.name,
            "weights_sha256": extractor.weights.sha256,
            "preparation": dict(transform.settings) if transform else asdict(preparation),
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


Batch = tuple[int, list[int], Tensor, dict[int, str]]
"""A number, the rows whose images can be read, their views, and by row why another image cannot be read."""


class _Batches(Dataset[Batch]):
    """Reads batches of neighboring rows by their number; the rows depend only on the batch size."""

    def __init__(self, extraction: Extraction, image_list: ImageList, images: Path) -> None:
        self.preparation = extraction.extractor.preparation
        self.size = extraction.batch_size
        self.image_list = image_list
        self.images = images

    def __getitem__(self, number: int) -> Batch:
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
    size, files = extraction.batch_size, image_list.files
    partial = PartialFeatures(folder, (len(files), extraction.width), f"{owner} {image_list.fingerprint}")
    checksums = [_checksum(images, files[first : first + size]) for first in range(0, len(files), size)]
    stored = partial.done()
    done = {number for number, checksum in stored.items() if checksum == checksums[number]}
    if len(done) < len(stored):
        note(
            f"{len(stored) - len(done)} of {len(stored)} stored batches are computed again:"
            " their images have changed, or were in another folder"
        )
    rows_before = sum(min(size, len(files) - number * size) for number in done)
    if rows_before:
        note(f"continues: {rows_before} of {len(files)} images were computed before")
    step(rows_before)
    missing = [number for number in range(len(checksums)) if number not in done]
    all_failures: dict[int, str] = {}
    with extraction.computing():
        for (number, rows, _, failures), computed in _compute_ahead(extraction, image_list, images, missing):
            if computed is not None:
                features = computed.cpu().numpy()
                bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
                if len(bad):
                    raise ExtractionError(
                        "the network gives NaN or infinite features",
                        where=files[rows[bad[0]]],
                        fix="check the weights, or try --precision fp32",
                    )
                if failures:  # not marked as done: the images may be readable next time
                    partial.features[rows] = features
                else:
                    partial.store(number, checksums[number], rows, features)
            all_failures |= failures
            step(len(rows) + len(failures))
    return partial, all_failures


def _compute_ahead(
    extraction: Extraction, image_list: ImageList, images: Path, numbers: Sequence[int]
) -> Iterator[tuple[Batch, Tensor | None]]:
    """Yield every batch with its features after the next one has started, so that a GPU need not wait."""
    loader = DataLoader(
        _Batches(extraction, image_list, images),
        batch_size=None,  # The dataset makes the batches: a worker sends one message per batch.
        sampler=list(numbers),
        num_workers=extraction.workers,
        pin_memory=extraction.device.type == "cuda",  # a GPU copies from pinned memory by itself
    )
    last: tuple[Batch, Tensor | None] | None = None
    for batch in loader:
        _, rows, views, _ = batch
        computed = extraction.features(views) if rows else None
        if last is not None:
            yield last
        last = batch, computed
    if last is not None:
        yield last


def _checksum(images: Path, files: Sequence[str]) -> str:
    """Hash the folder, and size and time of change of every image, without reading the images."""
    states = [str(images.resolve())]
    for file in files:
        try:
            status = (images / file).stat()
        except OSError:
            states.append("missing")
        else:
            states.append(f"{status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(states).encode(errors="surrogateescape")).hexdigest()
