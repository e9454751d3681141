"""Caltech-UCSD Birds 200-2011 (Wah et al. 2011): images.txt and bounding_boxes.txt of its archive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import DataError
from gzslbench.prepare.extract.listings.index_files import class_ids, find_index, read_lines
from gzslbench.prepare.extract.listings.listing import Listing

IMAGES, BOXES = "images.txt", "bounding_boxes.txt"


def listing(folder: Path, images: Path) -> Listing:
    """The photographs in the order of images.txt, which is the one that the proposed split indexes.

    Boxes are there where bounding_boxes.txt is.

    Raises:
        DataError: An index file is missing or damaged, or names a class that the splits do not.
    """
    path = find_index(IMAGES, folder, images)
    lines = read_lines(path, 2)
    files = tuple(words[1] for words in lines)
    labels = class_ids(folder, [file.rpartition("/")[0] for file in files], path)
    return Listing(files, labels, _boxes(folder, images, [words[0] for words in lines]))


def _boxes(folder: Path, images: Path, numbers: list[str]) -> NDArray[np.int64] | None:
    """Corner, width and height there; whole pixels with a half nowhere, so they are exact."""
    try:
        path = find_index(BOXES, folder, images)
    except DataError:
        return None
    found = {words[0]: words[1:5] for words in read_lines(path, 5)}
    missing = [number for number in numbers if number not in found]
    if missing:
        raise DataError(f"photograph {missing[0]} has no box", where=path, fix="copy the file again")
    try:
        corners = np.array([[float(word) for word in found[number]] for number in numbers])
    except ValueError as error:
        raise DataError(f"not all are numbers: {error}", where=path, fix="copy the file again") from error
    corners[:, 2:] += corners[:, :2]
    boxes: NDArray[np.int64] = np.rint(corners).astype(np.int64)
    return boxes
