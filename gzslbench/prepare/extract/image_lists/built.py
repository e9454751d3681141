"""List the images of a dataset that `gzslbench data build` wrote, from its listing.csv."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from gzslbench.data.formats import xlsa17
from gzslbench.errors import DataError
from gzslbench.prepare.build.images import suggest
from gzslbench.prepare.build.tables import read_lines
from gzslbench.prepare.build.write import HEADER, LISTING
from gzslbench.prepare.extract.image_lists.image_list import ImageList

_BUILD_AGAIN = "build the dataset again"


def list_built(folder: Path, images: Path) -> ImageList:
    """List the images in the order of listing.csv; labels index allclasses_names of the splits files.

    Args:
        folder: The dataset's folder.
        images: The images' folder, which is not read here.

    Raises:
        DataError: listing.csv cannot be read, has a wrong line, or has an image twice; or two splits files
            number the classes differently.
    """
    path = folder / LISTING
    header, *lines = read_lines(path) or [(1, [])]
    if tuple(header[1]) != HEADER:
        raise DataError(
            f"the header is not {','.join(HEADER)}", where=f"{path}: line {header[0]}", fix=_BUILD_AGAIN
        )
    if not lines:
        raise DataError("the file has no image", where=path, fix=_BUILD_AGAIN)
    numbers = {name: number for number, name in enumerate(_read_class_names(folder))}
    first_lines: dict[str, int] = {}
    rows = []
    for line, cells in lines:
        file, label = _parse_row(cells, numbers, f"{path}: line {line}")
        if first_lines.setdefault(file, line) != line:
            raise DataError(
                f"the image {file!r} is listed twice",
                where=f"{path}: lines {first_lines[file]} and {line}",
                fix="list each image once",
            )
        rows.append((file, label))
    labels = np.array([label for _, label in rows], dtype=np.int64)
    return ImageList(tuple(file for file, _ in rows), labels)


def _read_class_names(folder: Path) -> tuple[str, ...]:
    semantics = xlsa17.semantics_names(folder)
    if not semantics:
        raise DataError("there are no semantics", where=folder / f"*{xlsa17.SPLITS}", fix=_BUILD_AGAIN)
    first, *others = (xlsa17.read_splits(folder, name) for name in semantics)
    for splits in others:
        if splits.class_names != first.class_names:
            raise DataError(
                "two splits files have different classes, or in another order",
                where=f"{first.path} and {splits.path}",
                fix="give allclasses_names the same order in both",
            )
    return first.class_names


def _parse_row(cells: Sequence[str], numbers: Mapping[str, int], where: str) -> tuple[str, int]:
    if len(cells) != len(HEADER):
        raise DataError(f"{len(cells)} columns instead of {len(HEADER)}", where=where, fix=_BUILD_AGAIN)
    file, name = cells
    path = PurePosixPath(file)
    if not file or path.is_absolute() or ".." in path.parts:
        raise DataError(
            f"{file!r} is not a path below the images' folder", where=where, fix="write folder/file"
        )
    if name not in numbers:
        raise DataError(f"no class {name!r}{suggest(name, list(numbers))}", where=where, fix=_BUILD_AGAIN)
    return file, numbers[name]
