"""Region features of a dataset: several vectors of each image, of places in it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from gzslbench.data.dataset import Dataset, join_content, read_blocks
from gzslbench.errors import DataError

SUFFIX = ":regions"
"""Ends the name of features if a method reads the regions of their file."""


def use_regions(dataset: Dataset, wanted_by: str) -> Dataset:
    """Return the dataset whose features are its regions; their name and the content say so.

    Raises:
        DataError: It has none.
    """
    if dataset.regions is None:
        what = f"{wanted_by} works on region features, and {dataset.features_name} has one vector per image"
        fix = (
            "extract them from the images: gzslbench extract --regions, then\n         "
            "name the file with --features"
        )
        raise DataError(what, where=f"{dataset.name}: features {dataset.features_name}", fix=fix)
    known = dataset.regions_content or fingerprint_regions(dataset.regions)
    return replace(
        dataset,
        features=dataset.regions,
        features_name=dataset.features_name + SUFFIX,
        content=join_content(dataset.content, known),
    )


def fingerprint_regions(regions: NDArray[Any]) -> str:
    """Return the sha256 of ``(N, R, d)`` regions: their shape and type, then all rows in order."""
    dtype = regions.dtype.newbyteorder("<")
    digest = hashlib.sha256(f"regions:{regions.shape}:{dtype.name};".encode())
    for block in read_blocks(regions, dtype.str):
        digest.update(block.tobytes())
    return digest.hexdigest()
