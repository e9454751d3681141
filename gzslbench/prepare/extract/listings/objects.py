"""aPascal and aYahoo (Farhadi et al., CVPR 2009): the lists of attribute_data, a box for each row."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gzslbench.errors import DataError
from gzslbench.prepare.extract.listings.index_files import class_ids, find_index, read_lines
from gzslbench.prepare.extract.listings.listing import Listing

IN_ORDER = ("apascal_train.txt", "apascal_test.txt", "ayahoo_test.txt")
PASCAL = ("", "JPEGImages", "VOC2008/JPEGImages", "VOCdevkit/VOC2008/JPEGImages")
YAHOO = ("", "ayahoo_test_images")


def listing(folder: Path, images: Path) -> Listing:
    """The objects in the order of the three lists, which is the one that the proposed split indexes.

    A line holds a file, a class, the left, upper, right and lower edge in pixels from 1, and attributes. A
    row is an object, not a photograph: some photographs hold several, so that boxes are always taken.

    Args:
        folder: Of the dataset.
        images: That holds PASCAL VOC 2008 and ayahoo_test_images, or the photographs of both.

    Raises:
        DataError: A list or the photographs are missing, a list is damaged, or names a class that the splits
            do not.
    """
    files: list[str] = []
    classes: list[str] = []
    edges: list[list[str]] = []
    for name in IN_ORDER:
        path = find_index(name, folder, images, below="attribute_data")
        lines = read_lines(path, 6)
        below = _folder(images, YAHOO if name.startswith("ayahoo") else PASCAL, lines[0][0])
        files += [below + words[0] for words in lines]
        classes += [words[1] for words in lines]
        edges += [words[2:6] for words in lines]
    try:
        boxes = np.array(edges, dtype=np.float64).astype(np.int64)
    except ValueError as error:
        raise DataError(f"an edge is no number: {error}", where=path, fix="copy the lists again") from error
    boxes[:, :2] -= 1
    return Listing(tuple(files), class_ids(folder, classes, path), boxes, boxed=True)


def _folder(images: Path, candidates: tuple[str, ...], first: str) -> str:
    """Where below ``images`` the photographs of a list are, with a slash at its end unless it is empty."""
    for candidate in candidates:
        if (images / candidate / first).is_file():
            return f"{candidate}/" if candidate else ""
    raise DataError(
        f"{first}, the first of a list, is in none of its folders: {', '.join(filter(None, candidates))}",
        where=images,
        fix="put the photographs of PASCAL VOC 2008 and of aYahoo below one folder, and name that",
    )
