"""Index files that a dataset's publishers put beside its photographs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.formats import xlsa17
from gzslbench.errors import DataError, did_you_mean
from gzslbench.files import reading


def find_index(name: str, folder: Path, images: Path, below: str = "") -> Path:
    """The index file called ``name``: in the dataset's folder, in the photographs', or beside the latter.

    Args:
        name: Of the file.
        folder: Of the dataset.
        images: Of the photographs.
        below: A folder of the archive that it may lie in, within any of these.

    Raises:
        DataError: It is in none of them.
    """
    bases = (folder, images, images.parent)
    places = [base / sub / name for base in bases for sub in dict.fromkeys(("", below))]
    for place in places:
        if place.is_file():
            return place
    raise DataError(
        f"the index file {name} is not there",
        where=f"{folder} and {images}",
        fix=f"put {name} of the dataset's archive beside the splits, in {folder}",
    )


def read_lines(path: Path, fields: int) -> list[list[str]]:
    """The words of each line that is not empty.

    Args:
        path: Of the file.
        fields: Words that a line has at least; there may be more.

    Raises:
        DataError: It cannot be read, is empty, or a line has fewer words.
    """
    with reading(path, DataError):
        text = path.read_text(encoding="utf-8", errors="replace")
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    for number, words in lines:
        if len(words) < fields:
            raise DataError(
                f"line {number} has {len(words)} words, not {fields}", where=path, fix="copy the file again"
            )
    if not lines:
        raise DataError("it is empty", where=path, fix="copy the file again")
    return [words for _, words in lines]


def class_ids(folder: Path, names: Sequence[str], where: Path) -> NDArray[np.int64]:
    """``(N,)`` ids from 0 of classes by name, in the order of the splits' ``allclasses_names``.

    Args:
        folder: Of the dataset, with its splits.
        names: Of the class of each row.
        where: What the names were read from.

    Raises:
        DataError: There are no splits, or one of the names is no class of theirs.
    """
    semantics = xlsa17.semantics_names(folder)
    if not semantics:
        raise DataError("no semantics", where=folder / f"*{xlsa17.SPLITS}", fix="put att_splits.mat there")
    known = xlsa17.read_splits(folder, semantics[0]).class_names
    ids = {name: number for number, name in enumerate(known)}
    for name in names:
        if name not in ids:
            raise DataError(
                f"{name!r} is no class of the splits in {folder}",
                where=where,
                fix=did_you_mean(name, list(known)),
            )
    return np.array([ids[name] for name in names], dtype=np.int64)
