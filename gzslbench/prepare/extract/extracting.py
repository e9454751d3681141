"""From photographs to an array of features."""

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
from torch import Tensor

from gzslbench.computing.device import autocast, matmul_precision
from gzslbench.errors import ExtractionError
from gzslbench.plugins.extractor import Extractor, ExtractorSpec, Request
from gzslbench.prepare.extract.batches import Batch, batches
from gzslbench.prepare.extract.listings.listing import Listing
from gzslbench.prepare.extract.partial import Partial
from gzslbench.prepare.extract.preparing import normalized
from gzslbench.prepare.extract.stamps import batch_stamps

FEW = 10


@dataclass(frozen=True)
class Extraction:
    """How features are computed.

    Attributes:
        spec: Of the extractor.
        extractor: The network with its weights.
        request: Which of the extractor's networks it is.
        batch_size: Rows at once.
        workers: Processes that decode photographs.
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
        """What decides the features besides the photographs, ready for JSON."""
        extractor, request = self.extractor, self.request
        return {
            "extractor": self.spec.name,
            "version": self.spec.version,
            "model": request.model,
            "layer": request.layer,
            "pooling": request.pooling,
            "weights": extractor.weights.name,
            "weights_sha256": extractor.weights.sha256,
            "preparation": asdict(extractor.preparation),
            "batch_size": self.batch_size,
            "precision": self.precision,
            "device": self.device.type,
            "packages": {name: version(name) for name in ("torch", "pillow", *extractor.packages)},
        }

    def features(self, seen: Tensor) -> Tensor:
        """``(B, width)`` float32 of ``(B, V, 3, crop, crop)`` uint8: the mean over the views of a row."""
        pixels = normalized(seen.to(self.device, non_blocking=True), self.extractor.preparation).flatten(0, 1)
        with autocast(self.device, self.precision):
            found: Tensor = self.extractor.network(pixels.contiguous(memory_format=torch.channels_last))
        if found.ndim != 2:
            raise ExtractionError(
                f"the network makes {tuple(found.shape)} of {len(pixels)} photographs, not a row of each",
                where=self.spec.load,
                fix="pool over places in the extractor, and flatten",
            )
        return found.float().view(*seen.shape[:2], -1).mean(1)

    @cached_property
    def width(self) -> int:
        """Features of one photograph."""
        preparation = self.extractor.preparation
        nothing = torch.zeros(1, 1, 3, preparation.crop, preparation.crop, dtype=torch.uint8)
        with self.computing():
            return self.features(nothing).shape[1]

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Compute features inside."""
        self.extractor.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        with torch.inference_mode(), matmul_precision(self.precision, deterministic=False):
            yield


def extract(
    extraction: Extraction,
    listing: Listing,
    images: Path,
    folder: Path,
    step: Callable[[int], None] = lambda rows: None,
    tell: Callable[[str], None] = lambda words: None,
) -> tuple[Partial, dict[int, str]]:
    """The features of every photograph, and by row why one has none.

    What an interrupted extraction of the very same kind left in ``folder`` is not computed again, but for
    batches with a photograph that has changed since or lay in another folder.

    Args:
        extraction: How.
        listing: Which photographs.
        images: The folder that they lie below.
        folder: Where features are kept on their way; the caller holds it, see ``partial.held``.
        step: Told how many more rows are done.
        tell: Told in words what an interrupted extraction left, and what of it is not taken.

    Raises:
        ExtractionError: Features cannot be kept, or are NaN or infinite.
    """
    owner = hashlib.sha256(json.dumps(extraction.provenance(), sort_keys=True).encode()).hexdigest()
    size, count = extraction.batch_size, len(listing.files)
    partial = Partial(folder, (count, extraction.width), f"{owner} {listing.fingerprint}")
    stamps = batch_stamps(images, listing.files, size)
    done = _unchanged(partial.done(), stamps, tell)
    wanted = [number for number in range(-(-count // size)) if number not in done]
    before = sum(min(size, count - number * size) for number in done)
    if before:
        tell(f"goes on: {before} of {count} photographs were computed before")
    step(before)
    failures: dict[int, str] = {}
    pinned = extraction.device.type == "cuda"
    read = batches(
        images, listing, extraction.extractor.preparation, size, wanted, extraction.workers, pinned
    )
    with extraction.computing():
        for batch, computed in _one_behind(read, extraction):
            if computed is not None:
                features = computed.cpu().numpy()
                _check(features, batch.rows, listing.files)
                if batch.failures:
                    partial.features[batch.rows] = features
                else:
                    partial.keep(batch.number, stamps[batch.number], batch.rows, features)
            failures |= batch.failures
            step(len(batch.rows) + len(batch.failures))
    return partial, failures


def _unchanged(left: Mapping[int, str], stamps: Sequence[str], tell: Callable[[str], None]) -> set[int]:
    """Those of the batches ``left`` whose photographs are the same still."""
    same = {number for number, stamp in left.items() if stamp == stamps[number]}
    if len(same) < len(left):
        tell(
            f"{len(left) - len(same)} of the {len(left)} batches that were extracted before are computed"
            " again: their photographs have changed since, or lay in another folder"
        )
    return same


def _one_behind(read: Iterable[Batch], extraction: Extraction) -> Iterator[tuple[Batch, Tensor | None]]:
    """Each batch with its features, once the next one is under way: a GPU then never waits for the disk."""
    last: tuple[Batch, Tensor | None] | None = None
    for batch in read:
        computed = extraction.features(batch.views) if batch.rows else None
        if last is not None:
            yield last
        last = batch, computed
    if last is not None:
        yield last


def refusal(failures: dict[int, str], images: Path) -> ExtractionError:
    """The error that names the photographs that cannot be read."""
    named = "\n    ".join(in_few_lines(list(failures.values())))
    return ExtractionError(
        f"{len(failures)} photographs cannot be read; what was extracted is kept\n    {named}",
        where=images,
        fix="mend them and repeat the command, which goes on; or leave these rows out with --skip",
    )


def in_few_lines(reasons: Sequence[str]) -> list[str]:
    """The first of them, and how many more there are."""
    more = [f"and {len(reasons) - FEW} more"] if len(reasons) > FEW else []
    return [*reasons[:FEW], *more]


def check_there(files: Sequence[str], images: Path) -> None:
    """Refuse photographs of which some are not there, before anything is computed.

    Raises:
        ExtractionError: It names them.
    """
    absent = [file for file in files if not (images / file).is_file()]
    if absent:
        named = "\n    ".join(in_few_lines(absent))
        raise ExtractionError(
            f"{len(absent)} of {len(files)} photographs are not there\n    {named}",
            where=images,
            fix="name the folder that they lie below; or leave their rows out with --skip",
        )


def _check(features: NDArray[np.float32], rows: Sequence[int], files: Sequence[str]) -> None:
    damaged = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(damaged):
        raise ExtractionError(
            "the network gives NaN or infinite features",
            where=files[rows[damaged[0]]],
            fix="look at the weights, or try --precision fp32",
        )
