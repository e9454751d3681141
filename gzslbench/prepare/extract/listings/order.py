"""The order trap: rows are what the split's authors numbered, whatever order the photographs lie in."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.formats import xlsa17
from gzslbench.data.formats.matfile import read_mat
from gzslbench.errors import DataError
from gzslbench.prepare.extract.listings.listing import Listing


def as_published(listing: Listing, folder: Path) -> Listing:
    """The listing in the order of the photographs' names in a published feature file of ``folder``.

    Where no feature file names its photographs the listing stays as it is.

    Raises:
        DataError: A feature file is of other photographs, or gives one another class.
    """
    for features in xlsa17.feature_names(folder):
        path = folder / f"{features}.mat"
        found = read_mat(path, ("image_files", "labels"))
        if len(found.get("image_files", ())):
            return _matched(listing, found["image_files"].tolist(), found["labels"].ravel() - 1, path)
    return listing


def _matched(listing: Listing, names: Sequence[str], labels: NDArray[np.int64], path: Path) -> Listing:
    rows = _rows(listing.files, [name.strip().replace("\\", "/") for name in names], path)
    ordered = listing.taken(np.array(rows, dtype=np.int64))
    other = np.flatnonzero(ordered.labels != labels)
    if len(other):
        row = int(other[0])
        raise DataError(
            f"{len(other)} rows have another class than the index files say, the first is row {row}:"
            f" {ordered.files[row]}, class {labels[row]} here and {ordered.labels[row]} there, from 0",
            where=path,
            fix="look which of them is of this dataset, and take the other away",
        )
    return ordered


def _rows(files: Sequence[str], names: Sequence[str], path: Path) -> list[int]:
    """For each name the row of the file that ends as it does, repeated ones in their order."""
    ours: list[str] = []
    theirs: list[str] = []
    for parts in range(max(len(PurePosixPath(file).parts) for file in files), 0, -1):
        ours, theirs = ([_tail(name, parts) for name in each] for each in (files, names))
        if Counter(ours) == Counter(theirs):
            break
    else:
        known = set(ours)
        missing = next((name for name in names if _tail(name, 1) not in known), names[0])
        raise DataError(
            f"it names {len(names)} photographs and the index files {len(files)}, not the same ones:"
            f" {missing} does not fit",
            where=path,
            fix="take the index files of this very dataset, or move the feature file away",
        )
    places: defaultdict[str, list[int]] = defaultdict(list)
    for row in reversed(range(len(ours))):
        places[ours[row]].append(row)
    return [places[name].pop() for name in theirs]


def _tail(name: str, parts: int) -> str:
    return "/".join(PurePosixPath(name).parts[-parts:])
