"""Read a table of semantics: a CSV file with names of classes, or an array."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gzslbench.data.formats.numpy_files import open_npy
from gzslbench.data.formats.xlsa17 import read_utf8
from gzslbench.errors import DataError
from gzslbench.files import check_file
from gzslbench.prepare.building.names import compose

_LARGEST = float(np.finfo(np.float32).max)
_COMMAS = "save it with commas between the columns and points in the numbers"


@dataclass(frozen=True)
class Table:
    """Semantics as read: ``(C, a)`` values, class names if the file has them, places of the rows."""

    values: NDArray[np.float32]
    names: tuple[str, ...] | None
    places: tuple[str, ...]


def read_table(
    source: Path | ArrayLike | Mapping[str, ArrayLike], classes: Sequence[str], noun: str = "class folders"
) -> Table:
    """Read semantics of ``classes``: a .csv or .npy file, a ``(C, a)`` array, or a vector for each name.

    ``noun`` is what the classes are called in an error, for example ``class folders``.
    """
    if isinstance(source, Mapping):
        names = tuple(compose(str(name)) for name in source)
        matrix = _as_matrix([source[name] for name in source])
        return Table(
            _check_matrix(matrix, "semantics"), names, tuple(f"semantics[{name!r}]" for name in names)
        )
    if not isinstance(source, Path):
        where, matrix = "semantics", _as_matrix(source)
    elif source.suffix.lower() == ".csv":
        return _read_csv(source, classes)
    elif source.suffix.lower() == ".npy":
        where, matrix = str(source), _read_npy(source)
    else:
        fix = "save it as CSV: the class in the first column, a number in each of the others"
        raise DataError("a table of semantics is a .csv or .npy file", where=source, fix=fix)
    if matrix.ndim == 2 and len(matrix) != len(classes):
        is_transposed = matrix.shape[1] == len(classes)
        what = f"{len(matrix)} rows, but there are {len(classes)} {noun}"
        fix = "save its transpose" if is_transposed else "give it one row for each class"
        raise DataError(what, where=where, fix=fix)
    values = _check_matrix(matrix, where)
    return Table(values, None, tuple(f"{where}: class {row + 1}" for row in range(len(values))))


def read_lines(path: Path) -> list[tuple[int, list[str]]]:
    """Read the lines of a CSV file that are not empty, with their numbers from 1."""
    rows = csv.reader(io.StringIO(read_utf8(path), newline=""), strict=True)
    try:
        return [(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as error:
        what, where = f"not a line of CSV: {error}", f"{path}: line {rows.line_num}"
        fix = "put a name with commas or quotes in quotes, and write a quote in it twice"
        raise DataError(what, where=where, fix=fix) from error


def _read_csv(path: Path, classes: Sequence[str]) -> Table:
    """Read a table with the class in the first column; its first line may be a header."""
    lines = read_lines(path)
    if lines and _is_header(lines[0][1], classes):
        columns, lines = lines[0][1], lines[1:]
    else:
        columns = [f"column {number + 1}" for number in range(len(lines[0][1]))] if lines else []
    if not lines:
        raise DataError("no line with semantics", where=path, fix="write a line for each class")
    if len(columns) < 2:
        raise DataError("a single column", where=f"{path}: line {lines[0][0]}", fix=_COMMAS)
    values = [_parse_numbers(cells, columns, f"{path}: line {line}") for line, cells in lines]
    names = tuple(compose(cells[0].strip()) for _, cells in lines)
    places = tuple(f"{path}: line {line}" for line, _ in lines)
    if "" in names:
        where = places[names.index("")]
        raise DataError("no class in the first column", where=where, fix="write the class's name there")
    return Table(np.array(values, dtype=np.float32), names, places)


def _is_header(cells: list[str], classes: Sequence[str]) -> bool:
    """Return whether a first line names columns: it has no numbers, or counts them and names no class."""
    first, others = compose(cells[0].strip()), [_parse_number(cell) for cell in cells[1:]]
    if first in classes or not others:
        return False
    is_counting = others in (list(range(len(others))), list(range(1, len(others) + 1)))
    return not first or is_counting or all(value is None for value in others)


def _parse_numbers(cells: list[str], columns: list[str], where: str) -> list[float]:
    if len(cells) != len(columns):
        what = f"{len(cells)} columns, but the first line has {len(columns)}"
        raise DataError(what, where=where, fix=_COMMAS)
    values = []
    for column, cell in zip(columns[1:], cells[1:], strict=True):
        value = _parse_number(cell)
        if value is None or not abs(value) <= _LARGEST:
            what = f"{cell.strip() or 'nothing'!r} under {column.strip()!r} is not a finite number"
            fix = "give each class a number in every column; leave other columns out"
            raise DataError(what, where=where, fix=fix)
        values.append(value)
    return values


def _parse_number(cell: str) -> float | None:
    """Return the number in a cell, NaN and infinity too; None if it is not a number."""
    try:
        return None if "_" in cell else float(cell)  # Python, unlike CSV, allows 1_000
    except ValueError:
        return None


def _read_npy(path: Path) -> NDArray[Any]:
    check_file(path, DataError)
    try:
        return open_npy(path)
    except (OSError, ValueError) as error:
        fix = "write it with numpy.save, not as objects"
        raise DataError(f"not an array of numbers: {error}", where=path, fix=fix) from error


def _as_matrix(values: ArrayLike | Sequence[ArrayLike]) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except ValueError as error:  # rows of different lengths
        what, fix = f"not a matrix: {error}", "give each class as many numbers as the others"
        raise DataError(what, where="semantics", fix=fix) from error


def _check_matrix(matrix: NDArray[Any], where: str) -> NDArray[np.float32]:
    """Return a ``(C, a)`` array of finite numbers in single precision."""
    if matrix.dtype.kind not in "biuf" or matrix.ndim != 2 or not matrix.size:
        what = f"expected a matrix of numbers, found {matrix.dtype} of shape {matrix.shape}"
        raise DataError(what, where=where, fix="store a numeric matrix of two dimensions")
    with np.errstate(over="ignore"):  # values too large for float32 become infinite, which is an error below
        values = np.ascontiguousarray(matrix, dtype=np.float32)
    damaged = np.argwhere(~np.isfinite(values))
    if len(damaged):
        row, column = damaged[0].tolist()
        what = f"number {column + 1} is {matrix[row, column]}, not a finite number of single precision"
        fix = "give each class a finite number in every dimension"
        raise DataError(what, where=f"{where}: class {row + 1}", fix=fix)
    return values
