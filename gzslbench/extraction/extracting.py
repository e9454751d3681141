"""From photographs to an array of features."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gzslbench.computing.device import numerics
from gzslbench.data.files.sources import sha256_of
from gzslbench.errors import ExtractionError
from gzslbench.extraction.batches import batches
from gzslbench.extraction.listing import Listing
from gzslbench.extraction.partial import Partial
from gzslbench.extractor import Extractor, ExtractorSpec

FEW = 10


@dataclass(frozen=True)
class Extraction:
    """How features are computed.

    Attributes:
        spec: Of the extractor.
        extractor: The network with its weights.
        batch_size: Rows at once.
        workers: Processes that decode photographs.
        device: Where the network computes.
        precision: ``fp32`` or ``tf32``.
    """

    spec: ExtractorSpec
    extractor: Extractor
    batch_size: int = 32
    workers: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: str = "fp32"

    def provenance(self) -> dict[str, object]:
        """What decides the features besides the photographs, ready for JSON."""
        return {
            "extractor": self.spec.name,
            "version": self.spec.version,
            "weights": self.extractor.weights.name,
            "weights_sha256": sha256_of(self.extractor.weights),
            "preparation": asdict(self.spec.preparation),
            "batch_size": self.batch_size,
            "precision": self.precision,
            "device": self.device.type,
            "torch": torch.__version__,
        }


def extract(
    extraction: Extraction,
    listing: Listing,
    images: Path,
    folder: Path,
    step: Callable[[int], None] = lambda rows: None,
) -> tuple[Partial, dict[int, str]]:
    """The features of every photograph, and by row why one has none.

    What an interrupted extraction of the very same kind left in ``folder`` is not computed again.

    Args:
        extraction: How.
        listing: Which photographs.
        images: The folder that they lie below.
        folder: Where features are kept on their way.
        step: Told how many more rows are done.

    Raises:
        ExtractionError: Features cannot be kept, or are NaN or infinite.
    """
    owner = hashlib.sha256(json.dumps(extraction.provenance(), sort_keys=True).encode()).hexdigest()
    partial = Partial(folder, (len(listing.files), extraction.spec.width), f"{owner} {listing.fingerprint}")
    size, count, done = extraction.batch_size, len(listing.files), partial.done()
    wanted = [number for number in range(-(-count // size)) if number not in done]
    step(sum(min(size, count - number * size) for number in done))
    failures: dict[int, str] = {}
    network = extraction.extractor.network.to(extraction.device)
    preparation = extraction.spec.preparation
    with torch.inference_mode(), numerics(extraction.precision, deterministic=False):
        for batch in batches(images, listing.files, preparation, size, wanted, extraction.workers):
            rows = np.arange(batch.number * size, batch.number * size + len(batch.photographs))
            if len(batch.failures) < len(rows):
                features = network(batch.photographs.to(extraction.device)).float().cpu().numpy()
                _check(features, rows, batch.failures, listing.files)
                partial.keep(batch.number, rows, features, complete=not batch.failures)
            failures |= batch.failures
            step(len(rows))
    return partial, failures


def refusal(failures: dict[int, str], images: Path) -> ExtractionError:
    """The error that names the photographs that cannot be read."""
    named = "\n    ".join(list(failures.values())[:FEW])
    more = f"\n    and {len(failures) - FEW} more" if len(failures) > FEW else ""
    return ExtractionError(
        f"{len(failures)} photographs cannot be read; what was extracted is kept\n    {named}{more}",
        where=images,
        fix="mend them and repeat the command, which goes on; or leave these rows out with --skip",
    )


def _check(
    features: NDArray[np.float32], rows: NDArray[np.int64], failures: dict[int, str], files: Sequence[str]
) -> None:
    damaged = [row for row in rows[~np.isfinite(features).all(axis=1)].tolist() if row not in failures]
    if damaged:
        raise ExtractionError(
            "the network gives NaN or infinite features",
            where=files[damaged[0]],
            fix="look at the weights, or try --precision fp32",
        )
