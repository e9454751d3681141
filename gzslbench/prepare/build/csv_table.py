"""Semantics in a CSV file: the class in the first column, a number in each of the others."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gzslbench.prepare.build.naming import composed
from gzslbench.prepare.build.table import Table
from gzslbench.errors import DataError
from gzslbench.files import reading

LARGEST = float(np.finfo(np.float32).max)
_COMMAS = "save it with commas between the columns and points in the numbers"
Line = tuple[int, list[str]]


def read_csv_table(path: Path, classes: Sequence[str]) -> Table:
    """Read the table; a header in its first line is told from a class by itself.

    Raises:
        DataError: No UTF-8, a line with more or fewer columns than the first, or a cell that is no number.
    """
    lines = read_lines(path)
    if lines and _is_header(lines[0][1], classes):
        columns, lines = lines[0][1], lines[1:]
    else:
        columns = [f"column {number + 1}" for number in range(len(lines[0][1]))] if lines else []
    if not lines:
        raise DataError("no line with semantics", where=path, fix="write one line a class")
    if len(columns) < 2:
        raise DataError("a single column", where=f"{path}: line {lines[0][0]}", fix=_COMMAS)
    values = [_numbers(cells, columns, f"{path}: line {line}") for line, cells in lines]
    names = tuple(composed(cells[0].strip()) for _, cells in lines)
    places = tuple(f"{path}: line {line}" for line, _ in lines)
    for name, place in zip(names, places, strict=True):
        if not name:
            raise DataError("no class in the first column", where=place, fix="write the class's name there")
    return Table(np.array(values, dtype=np.float32), names, places)


def read_lines(path: Path) -> list[Line]:
    """The lines of a CSV file that are not empty, each with its number from 1.

    Raises:
        DataError: It cannot be read, is not UTF-8, or its quotes do not match.
    """
    try:
        with reading(path, DataError), path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            try:
                return [(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]
            except csv.Error as error:
                raise DataError(
                    f"no line of CSV: {error}",
                    where=f"{path}: line {rows.line_num}",
                    fix="put a name with commas or quotes in quotes, and write a quote in it twice",
                ) from error
    except UnicodeDecodeError as error:
        line = _line_not_utf8(path)
        raise DataError("not UTF-8", where=f"{path}: line {line}", fix="save it as UTF-8") from error


def _line_not_utf8(path: Path) -> int:
    content = path.read_bytes()
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return content[: error.start].count(b"\n") + 1
    return 1


def _is_header(cells: list[str], classes: Sequence[str]) -> bool:
    """Whether a first line names columns: none is a number, or they are counted and it is no class."""
    first, others = composed(cells[0].strip()), [_number(cell) for cell in cells[1:]]
    if first in classes or not others:
        return False
    counted = others in (list(range(len(others))), list(range(1, len(others) + 1)))
    return not first or counted or all(value is None for value in others)


def _numbers(cells: list[str], columns: list[str], where: str) -> list[float]:
    if len(cells) != len(columns):
        raise DataError(
            f"{len(cells)} columns, but the first line has {len(columns)}", where=where, fix=_COMMAS
        )
    values = []
    for column, cell in zip(columns[1:], cells[1:], strict=True):
        value = _number(cell)
        if value is None or not abs(value) <= LARGEST:
            raise DataError(
                f"{cell.strip() or 'nothing'!r} under {column.strip()!r} is no finite number",
                where=where,
                fix="give each class a number in every column, and leave columns of anything else out",
            )
        values.append(value)
    return values


def _number(cell: str) -> float | None:
    """The number in a cell, NaN and infinity too; None where there is none."""
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None
