"""What the columns of semantics mean: a name and a vector of each attribute, from a file of the dataset.

The semantics ``att+words`` are those of ``att``, with the vectors of the file ``att+words.csv`` in the folder
of the dataset: its first column is ``attribute``, the name; the others are the vector. Its lines are in the
order of the columns of ``att``.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from gzslbench.data.dataset import Attributes, Dataset, join_content
from gzslbench.errors import DataError, did_you_mean
from gzslbench.files import check_file, sha256_of

SEPARATOR = "+"
"""Stands between the name of semantics and that of the vectors of their attributes."""
_HOW = "gzslbench data semantics DATASET --of attributes --name words --encoder words"


def attribute_files(folder: Path) -> list[str]:
    """Return the names of semantics with vectors of attributes in ``folder``, such as ``att+words``."""
    return sorted(path.stem for path in folder.glob(f"*{SEPARATOR}*.csv"))


def attach_attributes(dataset: Dataset, name: str, folder: Path) -> Dataset:
    """Return the dataset with the name ``name``, such as ``att+words``, for its semantics, and their vectors.

    Raises:
        DataError: There is no such file, or it does not fit to the semantics.
    """
    path, columns = folder / f"{name}.csv", dataset.semantics.shape[1]
    if not path.is_file():
        known = attribute_files(folder)
        fix = f"{did_you_mean(name, known)}, or write it:\n         {_HOW}" if known else f"write it: {_HOW}"
        raise DataError(f"no vectors of attributes {name!r}", where=path, fix=fix)
    attributes = read_attributes(path)
    if len(attributes.names) != columns:
        what = f"vectors of {len(attributes.names)} attributes, but the semantics have {columns} columns"
        raise DataError(what, where=path, fix="write one line for each column, in their order")
    files = {**dataset.files, path.name: sha256_of(path)}
    return replace(dataset, semantics_name=name, attributes=attributes, files=files)


def read_attributes(path: Path) -> Attributes:
    """Read the names and vectors of attributes.

    Raises:
        DataError: The file is damaged, or a vector is empty, zero or not finite.
    """
    check_file(path, DataError)
    names, vectors = [], []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = csv.reader(file)
            header = next(lines, [])
            if header[:1] != ["attribute"] or len(header) < 2:
                what = "the first line is not a header that begins with attribute"
                fix = "write: attribute,0,1,2 and so on, one column for each number"
                raise DataError(what, where=path, fix=fix)
            for line in lines:
                if len(line) != len(header):
                    raise ValueError(f"line {lines.line_num} has {len(line)} cells, not {len(header)}")
                names.append(line[0])
                vectors.append([float(cell) for cell in line[1:]])
    except (ValueError, csv.Error) as error:
        fix = "give each attribute one line: its name, then its numbers"
        raise DataError(f"damaged: {error}", where=path, fix=fix) from error
    if not names:
        raise DataError("it has no attribute", where=path, fix="give each attribute a line")
    with np.errstate(over="ignore"):
        matrix = np.array(vectors, dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1) | ~matrix.any(axis=1))
    if len(bad):
        what = f"the vector of {names[bad[0]]!r} is zero or not finite"
        raise DataError(what, where=path, fix="give each attribute a vector of finite numbers")
    return Attributes(tuple(names), matrix)


def use_attributes(dataset: Dataset, wanted_by: str) -> Dataset:
    """Return the dataset with a content that covers the vectors of its attributes.

    Raises:
        DataError: It has none.
    """
    if dataset.attributes is None:
        what = f"{wanted_by} needs a vector of each attribute, such as one of its name"
        where, name = f"{dataset.name}: semantics {dataset.semantics_name}", dataset.semantics_name
        fix = f"write them: {_HOW};\n         then name them: --semantics {name}{SEPARATOR}words"
        raise DataError(what, where=where, fix=fix)
    vectors = hashlib.sha256(dataset.attributes.vectors.astype("<f4").tobytes()).hexdigest()
    return replace(dataset, content=join_content(dataset.content, vectors))
