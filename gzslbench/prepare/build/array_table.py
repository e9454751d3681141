"""Semantics in .npy and .mat files: arrays, whose rows may have no names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.prepare.build.naming import composed
from gzslbench.prepare.build.table import Table
from gzslbench.data.formats.matfile import read_mat, variables
from gzslbench.errors import DataError, did_you_mean
from gzslbench.files import check_file

NAMES = "allclasses_names"


def read_npy_table(path: Path, classes: int) -> Table:
    """A ``(C, a)`` array, one row a class.

    Raises:
        DataError: It is no such file, or has another shape or something else than finite numbers.
    """
    check_file(path, DataError)
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"no array of numbers: {error}", where=path, fix="write it with numpy.save, not as objects"
        ) from error
    if not isinstance(found, np.ndarray):
        raise DataError("several arrays in one file", where=path, fix="write one with numpy.save")
    matrix = _matrix(found, str(path))
    if len(matrix) != classes:
        turned = matrix.shape[1] == classes
        raise DataError(
            f"{len(matrix)} rows, but there are {classes} class folders",
            where=path,
            fix="it lies on its side: save its transpose" if turned else "give it one row for each class",
        )
    return _table(matrix, None, path)


def read_mat_table(path: Path, classes: int, name: str) -> Table:
    """The variable ``name``, ``att`` or ``semantics``, whose side of length C counts the classes.

    Raises:
        DataError: There is none, both of its sides or neither are of that length, or it holds something else
            than finite numbers.
    """
    wanted = tuple(dict.fromkeys((name, "att", "semantics")))
    found = read_mat(path, (*wanted, NAMES))
    variable = next((each for each in wanted if each in found), None)
    if variable is None:
        raise DataError(
            f"no variable {' or '.join(wanted)}",
            where=path,
            fix=f"rename it, or name it with --semantics-name; {did_you_mean(name, list(variables(path)))}",
        )
    where = f"{path}: {variable}"
    matrix = _matrix(found[variable], where)
    names = tuple(composed(each) for each in found[NAMES]) if NAMES in found else None
    count = len(names) if names is not None else classes
    if matrix.shape == (count, count):
        raise DataError(
            f"{count} rows and {count} columns: either could be the classes",
            where=where,
            fix="save it as .npy with one row a class, or as CSV",
        )
    if count not in matrix.shape:
        counted = f"{NAMES} has {count} names" if names is not None else f"there are {count} class folders"
        raise DataError(
            f"{matrix.shape[0]} rows and {matrix.shape[1]} columns, but {counted}",
            where=where,
            fix="give it one row or one column for each class",
        )
    return _table(matrix if len(matrix) == count else matrix.T, names, path)


def _matrix(value: NDArray[Any], where: str) -> NDArray[Any]:
    if value.dtype.kind not in "biuf" or value.ndim != 2 or not value.size:
        raise DataError(
            f"expected a matrix of numbers, found {value.dtype} of shape {value.shape}",
            where=where,
            fix="store a numeric matrix of two dimensions",
        )
    return value


def _table(matrix: NDArray[Any], names: tuple[str, ...] | None, path: Path) -> Table:
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, which is looked for
        values = np.ascontiguousarray(matrix, dtype=np.float32)
    places = tuple(f"{path}: class {row + 1}" for row in range(len(values)))
    damaged = np.argwhere(~np.isfinite(values))
    if len(damaged):
        row, column = damaged[0].tolist()
        raise DataError(
            f"number {column + 1} is {matrix[row, column]}, no finite number of single precision",
            where=places[row],
            fix="give each class a finite number in every dimension",
        )
    return Table(values, names, places)
