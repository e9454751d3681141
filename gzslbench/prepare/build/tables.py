"""Read tables of semantics from .csv, .npy and .mat files."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.formats.matfile import read_mat, variables
from gzslbench.data.formats.xlsa17 import read_utf8
from gzslbench.errors import DataError, did_you_mean
from gzslbench.files import check_file
from gzslbench.prepare.build.images import compose

NAMES = "allclasses_names"
_LARGEST = float(np.finfo(np.float32).max)
_COMMAS = "save it with commas between the columns and points in the numbers"


@dataclass(frozen=True)
class Table:
    """Semantics as they were read: ``(C, a)`` values, class names if the file has them, places of the rows."""

    values: NDArray[np.float32]
    names: tuple[str, ...] | None
    places: tuple[str, ...]


def read_table(path: Path, classes: Sequence[str], name: str) -> Table:
    """Read a .csv, .mat or .npy file.

    The number of ``classes`` (class folders) tells rows from columns if the file does not. The variable of a
    .mat file may have the ``name`` of the semantics.
    """
    kind = path.suffix.lower()
    if kind == ".csv":
        return _read_csv(path, classes)
    if kind == ".npy":
        return _read_npy(path, len(classes))
    if kind == ".mat":
        return _read_mat(path, len(classes), name)
    raise DataError(
        f"a table of semantics is a .csv, .mat or .npy file, not {path.suffix or 'a file without a suffix'}",
        where=path,
        fix="save it as CSV: the class in the first column, a number in each of the others",
    )


def read_lines(path: Path) -> list[tuple[int, list[str]]]:
    """Read the lines of a CSV file that are not empty, with their numbers from 1."""
    rows = csv.reader(io.StringIO(read_utf8(path), newline=""), strict=True)
    try:
        return [(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DataError(
            f"not a line of CSV: {error}",
            where=f"{path}: line {rows.line_num}",
            fix="put a name with commas or quotes in quotes, and write a quote in it twice",
        ) from error


def _read_csv(path: Path, classes: Sequence[str]) -> Table:
    """Read a table with the class in the first column; its first line may be a header."""
    lines = read_lines(path)
    if lines and _is_header(lines[0][1], classes):
        columns, lines = lines[0][1], lines[1:]
    else:
        columns = [f"column {number + 1}" for number in range(len(lines[0][1]))] if lines else []
    if not lines:
        raise DataError("no line with semantics", where=path, fix="write one line a class")
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
            raise DataError(
                f"{cell.strip() or 'nothing'!r} under {column.strip()!r} is not a finite number",
                where=where,
                fix="give each class a number in every column, and leave out columns of anything else",
            )
        values.append(value)
    return values


def _parse_number(cell: str) -> float | None:
    """Return the number in a cell, NaN and infinity too; None if it is not a number."""
    try:
        return None if "_" in cell else float(cell)  # Python, unlike CSV, allows 1_000
    except ValueError:
        return None


def _read_npy(path: Path, classes: int) -> Table:
    """Read a ``(C, a)`` array, one row a class."""
    check_file(path, DataError)
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        fix = "write it with numpy.save, not as objects"
        raise DataError(f"not an array of numbers: {error}", where=path, fix=fix) from error
    if not isinstance(found, np.ndarray):
        raise DataError("several arrays in one file", where=path, fix="write one with numpy.save")
    matrix = _check_matrix(found, str(path))
    if len(matrix) != classes:
        is_transposed = matrix.shape[1] == classes
        raise DataError(
            f"{len(matrix)} rows, but there are {classes} class folders",
            where=path,
            fix="save its transpose" if is_transposed else "give it one row for each class",
        )
    return _array_table(matrix, None, path)


def _read_mat(path: Path, classes: int, name: str) -> Table:
    """Read the variable ``name``, ``att`` or ``semantics``; its axis of length C is that of the classes."""
    wanted = tuple(dict.fromkeys((name, "att", "semantics")))
    found = read_mat(path, (*wanted, NAMES))
    variable = next((candidate for candidate in wanted if candidate in found), None)
    if variable is None:
        raise DataError(
            f"no variable {' or '.join(wanted)}",
            where=path,
            fix=f"rename it, or name it with --semantics-name; {did_you_mean(name, list(variables(path)))}",
        )
    where = f"{path}: {variable}"
    matrix = _check_matrix(found[variable], where)
    names = tuple(map(compose, found[NAMES])) if NAMES in found else None
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
    return _array_table(matrix if len(matrix) == count else matrix.T, names, path)


def _check_matrix(value: NDArray[Any], where: str) -> NDArray[Any]:
    if value.dtype.kind not in "biuf" or value.ndim != 2 or not value.size:
        what = f"expected a matrix of numbers, found {value.dtype} of shape {value.shape}"
        raise DataError(what, where=where, fix="store a numeric matrix of two dimensions")
    return value


def _array_table(matrix: NDArray[Any], names: tuple[str, ...] | None, path: Path) -> Table:
    with np.errstate(over="ignore"):  # values too large for float32 become infinite, which is an error below
        values = np.ascontiguousarray(matrix, dtype=np.float32)
    places = tuple(f"{path}: class {row + 1}" for row in range(len(values)))
    damaged = np.argwhere(~np.isfinite(values))
    if len(damaged):
        row, column = damaged[0].tolist()
        raise DataError(
            f"number {column + 1} is {matrix[row, column]}, not a finite number of single precision",
            where=places[row],
            fix="give each class a finite number in every dimension",
        )
    return Table(values, names, places)
