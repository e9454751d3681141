"""Compute the features of images batch by batch; a stored batch is not computed again."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d
from torch.utils.data import DataLoader, Dataset

from gzslbench.computing.device import autocast, matmul_precision
from gzslbench.errors import ExtractionError
from gzslbench.files import LockedError, drop_torn_line, lock, reserve, writing
from gzslbench.plugins.extractor import Extractor, ExtractorSpec, ImageTransform, Request
from gzslbench.prepare.extract.image import normalize, preprocess, read_image
from gzslbench.prepare.extract.listings import ImageList

_ARRAYS = ("features.f32", "regions")
_LINE = re.compile(r"(\d+) (\S+)")


@dataclass(frozen=True)
class Regions:
    """Which regions are computed: those of a ``grid`` x ``grid`` of places, or of all that the layer has."""

    grid: int | None = None
    dtype: str = "float16"

    def __post_init__(self) -> None:
        """Check the two, which may come from a file."""
        is_grid = self.grid is None or (type(self.grid) is int and self.grid > 0)
        if not is_grid or self.dtype not in ("float16", "float32"):
            what = f"regions of a grid of {self.grid!r}, as {self.dtype!r}"
            fix = "give a whole number from 1, and float16 or float32"
            raise ExtractionError(what, where="regions", fix=fix)


@dataclass(frozen=True)
class Extraction:
    """A loaded extractor, and how to run it; with 0 ``workers`` this process decodes the images."""

    spec: ExtractorSpec
    extractor: Extractor
    request: Request = field(default_factory=Request)
    batch_size: int = 32
    workers: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: str = "fp32"
    regions: Regions | None = None

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
            **({"regions": asdict(self.regions)} if self.regions else {}),
        }

    def features(self, views: Tensor) -> tuple[Tensor, Tensor | None]:
        """Compute the features of images.

        Args:
            views: ``(B, V, 3, h, w)`` from ``preprocess``.

        Returns:
            ``(B, width)`` float32, the mean over the views; and ``(B, R, d)`` of the only view if regions are
            computed as well, else None.
        """
        pixels = normalize(views.to(self.device, non_blocking=True), self.extractor.preparation).flatten(0, 1)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        network: Any = self.extractor.network
        places = None
        with redirect_stdout(sys.stderr), autocast(self.device, self.precision):
            if self.regions is None:
                output: Tensor = network(pixels)
            else:
                output, places = network.with_places(pixels)
        is_real = isinstance(output, Tensor) and output.is_floating_point() and not output.is_sparse
        is_real = is_real and output.device == pixels.device
        shape = tuple(output.shape) if is_real else type(output).__name__
        if not is_real or output.ndim != 2 or len(output) != len(pixels) or not output.shape[1]:
            what = f"the network maps {len(pixels)} images to {shape}, not to a row per image"
            fix = "the extractor must pool over places and flatten"
            raise ExtractionError(what, where=self.spec.load, fix=fix)
        rows = output.float().view(*views.shape[:2], -1).mean(1)
        return rows, None if places is None else self._regions(places)

    def _regions(self, places: Tensor) -> Tensor:
        """Turn ``(B, d, h, w)`` activations into ``(B, R, d)``, row by row of the grid."""
        assert self.regions is not None
        if self.regions.grid is not None:
            if self.regions.grid > max(places.shape[-2:]):
                what = f"the layer has {tuple(places.shape[-2:])} places, not {self.regions.grid} a side"
                raise ExtractionError(what, where="--grid", fix="give a smaller grid")
            places = adaptive_avg_pool2d(places.float(), self.regions.grid)
        return places.flatten(2).transpose(1, 2).to(getattr(torch, self.regions.dtype))

    @cached_property
    def arrays(self) -> tuple[tuple[tuple[int, ...], str], ...]:
        """Shape and type of the features of one image, and of its regions if they are computed."""
        try:
            blank = preprocess(Image.new("RGB", (64, 64)), self.extractor.preparation)
        except ExtractionError as error:
            raise ExtractionError(error.what, where=self.spec.load, fix=error.fix) from error
        if self.regions is not None:
            self._check_places(blank)
        with self.computing():
            features, regions = self.features(blank[None, :1])
        found = [(tuple(features.shape[1:]), "float32")]
        if regions is not None and self.regions is not None:
            found.append((tuple(regions.shape[1:]), self.regions.dtype))
        return tuple(found)

    def _check_places(self, views: Tensor) -> None:
        if not hasattr(self.extractor.network, "with_places"):
            what = f"{self.spec.name} gives no vectors of places with these options"
            fix = "name a layer with --layer, or another extractor"
            raise ExtractionError(what, where="--regions", fix=fix)
        if len(views) > 1:
            what = f"regions of {len(views)} crops of an image cannot be averaged"
            raise ExtractionError(what, where="--regions", fix="leave --crops ten out")

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Move the network to the device, and set inference mode and precision for the block."""
        self.extractor.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        with torch.inference_mode(), matmul_precision(self.precision, deterministic=False):
            yield


Batch = tuple[int, list[int], Tensor, dict[int, str]]
"""A number, the rows whose images can be read, their views, and by row why another image cannot be read."""


@dataclass(frozen=True)
class ComputedBatch:
    """The features of a batch, as in ``Batch``: ``arrays`` are ``(len(rows), d)``, and the regions if any."""

    number: int
    rows: list[int]
    arrays: tuple[NDArray[Any], ...]
    failures: dict[int, str]


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
                view = preprocess(image, self.preparation)
                if any(view.shape != other.shape for other in views.values()):
                    raise ExtractionError(
                        f"its transform gives {tuple(view.shape[1:])}, unlike another image"
                    )
                views[row] = view
            except ExtractionError as error:
                failures[row] = f"{file}: {error.what}"
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
    unless one of their images has changed or was in another folder. The caller has the folder's lock, see
    ``lock_partial``. ``step`` receives how many more rows are done, ``note`` lines about what continues.
    """
    owner = hashlib.sha256(json.dumps(extraction.provenance(), sort_keys=True).encode()).hexdigest()
    size, files = extraction.batch_size, image_list.files
    arrays = [((len(files), *shape), dtype) for shape, dtype in extraction.arrays]
    partial = PartialFeatures(folder, arrays, f"{owner} {image_list.fingerprint}")
    checksums = [_checksum(images, files[first : first + size]) for first in range(0, len(files), size)]
    stored = partial.done()
    done = {number for number, checksum in stored.items() if checksum == checksums[number]}
    if len(done) < len(stored):
        why = "their images have changed, or were in another folder"
        note(f"{len(stored) - len(done)} of {len(stored)} stored batches are computed again: {why}")
    rows_before = sum(min(size, len(files) - number * size) for number in done)
    if rows_before:
        note(f"continues: {rows_before} of {len(files)} images were computed before")
    step(rows_before)
    missing = [number for number in range(len(checksums)) if number not in done]
    all_failures: dict[int, str] = {}
    with extraction.computing():
        for batch in compute_batches(extraction, image_list, images, missing):
            # With failures it is not marked as done: the images may be readable next time.
            partial.store(batch, "" if batch.failures else checksums[batch.number])
            all_failures |= batch.failures
            step(len(batch.rows) + len(batch.failures))
    return partial, all_failures


def compute_batches(
    extraction: Extraction, image_list: ImageList, images: Path, numbers: Sequence[int]
) -> Iterator[ComputedBatch]:
    """Compute the features of these batches; the caller is in the block of ``extraction.computing``.

    A batch is yielded after the next one has started, so that a GPU need not wait.

    Raises:
        ExtractionError: A feature is NaN or infinite.
    """
    loader = DataLoader(
        _Batches(extraction, image_list, images),
        batch_size=None,  # The dataset makes the batches: a worker sends one message per batch.
        sampler=list(numbers),
        num_workers=extraction.workers,
        pin_memory=extraction.device.type == "cuda",  # a GPU copies from pinned memory by itself
    )
    last: tuple[Batch, tuple[Tensor, Tensor | None] | None] | None = None
    for batch in loader:
        _, rows, views, _ = batch
        computed = extraction.features(views) if rows else None
        if last is not None:
            yield _finish(*last, image_list)
        last = batch, computed
    if last is not None:
        yield _finish(*last, image_list)


def _finish(
    batch: Batch, computed: tuple[Tensor, Tensor | None] | None, image_list: ImageList
) -> ComputedBatch:
    number, rows, _, failures = batch
    arrays = tuple(part.cpu().numpy() for part in computed or () if part is not None)
    for array in arrays:
        bad = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
        if len(bad):
            what = "the network gives NaN or infinite features"
            fix = "check the weights, or try --precision fp32"
            if array.dtype == np.float16:
                fix += "; regions above 65,504 need --region-type float32"
            raise ExtractionError(what, where=image_list.files[rows[bad[0]]], fix=fix)
    return ComputedBatch(number, rows, arrays, failures)


def check_shape(computed: NDArray[Any], shape: tuple[int, ...], number: int) -> None:
    """Check that the images of a batch have features of the same shape as all others."""
    if computed.shape[1:] != shape:
        what = f"the network gives {computed.shape[1:]} of an image, after {shape} before"
        fix = "the extractor must give each image a row of the same width"
        raise ExtractionError(what, where=f"batch {number}", fix=fix)


def _checksum(images: Path, files: Sequence[str]) -> str:
    """Hash the folder, and size and time of change of every image, without reading the images."""
    states = [str(images.resolve())]
    for file in files:
        try:
            status = (images / file).stat()
            states.append(f"{status.st_size} {status.st_mtime_ns}")
        except OSError:
            states.append("missing")
    return hashlib.sha256("\n".join(states).encode(errors="surrogateescape")).hexdigest()


@contextmanager
def lock_partial(target: Path) -> Iterator[Path]:
    """Lock the file ``target``, and yield the path for what is unfinished."""
    path = target.with_name(f"{target.name}.lock")
    with ExitStack() as stack:
        try:
            with _writing(path):
                target.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(lock(path))
        except LockedError as error:
            what = f"another process works on this file: {error}"
            fix = "wait for it, or stop that process and repeat; or name another file with --out"
            raise ExtractionError(what, where=target, fix=fix) from error
        yield target.with_name(f"{target.name}.partial")


class PartialFeatures:
    """A folder with unfinished features: arrays, and a journal of the finished batches.

    The journal's first line names the extraction. Each other line has the number of a batch and a checksum
    of its images. ``arrays`` are memory maps, ``(N, d)`` float32 and, if there are any, the regions; rows of
    missing batches are 0.
    """

    def __init__(self, folder: Path, arrays: Sequence[tuple[tuple[int, ...], str]], owner: str) -> None:
        """Open the folder, with arrays of these shapes and types.

        It is emptied if it is damaged or belongs to another ``owner``.
        """
        self.folder, self.journal = folder, folder / "journal"
        paths = [folder / name for name in _ARRAYS[: len(arrays)]]
        owner = " ".join([owner, *(str(shape) for shape, _ in arrays)])
        sizes = [math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in arrays]
        with _writing(folder):
            complete = all(
                path.is_file() and path.stat().st_size == size
                for path, size in zip(paths, sizes, strict=True)
            )
            if not complete or not self.journal.is_file() or self._lines()[:1] != [owner]:
                self.remove()
                folder.mkdir(parents=True, exist_ok=True)
                try:
                    for path, size in zip(paths, sizes, strict=True):
                        reserve(path, size)
                except OSError:
                    self.remove()
                    raise
                self.journal.write_text(f"{owner}\n")  # last: without it, the arrays are not used
            drop_torn_line(self.journal)  # A kill may leave half a line; the next would be joined to it.
            self.arrays = tuple(
                np.memmap(path, dtype, "r+", shape=shape)
                for path, (shape, dtype) in zip(paths, arrays, strict=True)
            )
        self.features: NDArray[np.float32] = self.arrays[0]
        self.regions: NDArray[Any] | None = self.arrays[1] if len(arrays) > 1 else None

    def done(self) -> dict[int, str]:
        """Return the checksum of every stored batch, by its number."""
        return {int(match[1]): match[2] for match in map(_LINE.fullmatch, self._lines()[1:]) if match}

    def store(self, batch: ComputedBatch, checksum: str) -> None:
        """Store a batch, and mark it as done unless ``checksum`` is empty."""
        if not batch.rows:
            return
        for stored, computed in zip(self.arrays, batch.arrays, strict=True):
            check_shape(computed, stored.shape[1:], batch.number)
            stored[batch.rows] = computed
        if not checksum:
            return
        with _writing(self.folder):
            # The features must be on disk before the line that says so.
            for stored in self.arrays:
                stored.flush()
            with self.journal.open("a") as file:
                file.write(f"{batch.number} {checksum}\n")
                file.flush()
                os.fsync(file.fileno())

    def remove(self) -> None:
        """Remove the folder."""
        with suppress(OSError):  # The journal goes first: without it, the array is not used.
            self.journal.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _lines(self) -> list[str]:
        return self.journal.read_text(errors="replace").splitlines()


def _writing(folder: Path) -> AbstractContextManager[None]:
    elsewhere = "name a file in a folder that you may write to with --out"
    return writing(folder, "features cannot be stored", ExtractionError, elsewhere)
