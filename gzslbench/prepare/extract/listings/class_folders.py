"""A dataset that `gzslbench data build` wrote: listing.csv has the photograph and the class of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from gzslbench.data.formats import xlsa17
from gzslbench.errors import DataError
from gzslbench.prepare.build.images import suggest
from gzslbench.prepare.build.tables import Line, read_lines
from gzslbench.prepare.build.write import HEADER, LISTING
from gzslbench.prepare.extract.listings.listing import Listing

_AGAIN = "build the dataset again"


def listing(folder: Path, images: Path) -> Listing:
    """The photographs in the order of listing.csv; labels index allclasses_names of the splits files.

    Args:
        folder: Of the dataset.
        images: Of the photographs, which nobody looks at here.

    Raises:
        DataError: The listing cannot be read, a line of it is no photograph of a class of the dataset, or a
            photograph comes twice; or two splits files count the classes differently.
    """
    path = folder / LISTING
    header, *lines = read_lines(path) or [(1, [])]
    if tuple(header[1]) != HEADER:
        raise DataError(
            f"the header is not {','.join(HEADER)}", where=f"{path}: line {header[0]}", fix=_AGAIN
        )
    if not lines:
        raise DataError("no photograph", where=path, fix=_AGAIN)
    numbers = {name: number for number, name in enumerate(_class_names(folder))}
    rows = [_row(cells, numbers, f"{path}: line {line}") for line, cells in lines]
    _check_once(lines, path)
    labels = np.array([label for _, label in rows], dtype=np.int64)
    return Listing(tuple(file for file, _ in rows), labels)


def _class_names(folder: Path) -> tuple[str, ...]:
    """The classes, which every splits file of the folder must have in the same order."""
    semantics = xlsa17.semantics_names(folder)
    if not semantics:
        raise DataError("no semantics", where=folder / f"*{xlsa17.SPLITS}", fix=_AGAIN)
    splits = [xlsa17.read_splits(folder, name) for name in semantics]
    for each in splits[1:]:
        if each.class_names != splits[0].class_names:
            raise DataError(
                "two splits files name other classes, or in another order",
                where=f"{splits[0].path} and {each.path}",
                fix="give allclasses_names the same order in both",
            )
    return splits[0].class_names


def _row(cells: Sequence[str], numbers: Mapping[str, int], where: str) -> tuple[str, int]:
    """The photograph and the number of its class."""
    if len(cells) != len(HEADER):
        raise DataError(f"{len(cells)} columns instead of {len(HEADER)}", where=where, fix=_AGAIN)
    file, name = cells
    place = PurePosixPath(file)
    if not file or place.is_absolute() or ".." in place.parts:
        raise DataError(
            f"{file!r} is no path below the folder of photographs", where=where, fix="write folder/file"
        )
    if name not in numbers:
        raise DataError(f"no class {name!r}{suggest(name, list(numbers))}", where=where, fix=_AGAIN)
    return file, numbers[name]


def _check_once(lines: Sequence[Line], path: Path) -> None:
    places: dict[str, int] = {}
    for line, (file, _) in lines:
        if places.setdefault(file, line) != line:
            raise DataError(
                f"the photograph {file!r} comes twice",
                where=f"{path}: lines {places[file]} and {line}",
                fix="name each photograph once",
            )
