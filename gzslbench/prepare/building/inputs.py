"""Read what a dataset is built from: a folder with a folder of images per class, and a table of semantics."""

from __future__ import annotations

import csv
import difflib
import io
import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.formats.xlsa17 import read_utf8
from gzslbench.errors import DataError
from gzslbench.files import check_file, reading

SUFFIXES = frozenset(
    (".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
_LARGEST = float(np.finfo(np.float32).max)
_COMMAS = "save it with commas between the columns and points in the numbers"


@dataclass(frozen=True)
class ClassFolder:
    """A class, with its name in Unicode's composed form, and the paths of its images below the top folder."""

    name: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Images:
    """The classes of a folder, sorted by name, and the files that are left out, with the reasons."""

    classes: tuple[ClassFolder, ...]
    left_out: tuple[str, ...]


def compose(name: str) -> str:
    """Return the name in Unicode's composed form (NFC): é is one letter, on every system."""
    return unicodedata.normalize("NFC", name)


def check_unique(names: Iterable[tuple[str, str]]) -> None:
    """Raise a DataError if two of the names, given with their places, differ only in upper and lower case."""
    places: dict[str, tuple[str, str]] = {}
    for name, place in names:
        before = places.setdefault(name.casefold(), (name, place))
        if before != (name, place):
            differing = "" if name == before[0] else f", and {before[0]!r} differs only in case"
            what, where = f"the class {name!r} is repeated{differing}", f"{before[1]} and {place}"
            fix = "give each class its own name, which differs from others in more than case"
            raise DataError(what, where=where, fix=fix)


def suggest(name: str, known: Sequence[str]) -> str:
    """Return `` (did you mean 'x'?)``, or an empty text if no name is similar."""
    by_lower = {known_name.casefold(): known_name for known_name in known}
    near = difflib.get_close_matches(name.casefold(), by_lower, n=1, cutoff=0.5)
    return f" (did you mean {by_lower[near[0]]!r}?)" if near else ""


def find_images(folder: Path) -> Images:
    """Find every file below a class folder, at any depth and through links, with the suffix of an image.

    Hidden files and folders, empty files, other files and those outside of class folders are left out.
    """
    left_out: list[str] = []
    found: dict[tuple[int, int], Path] = {}

    def leave_out(path: Path, why: str) -> None:
        left_out.append(f"{os.fsencode(path.relative_to(folder)).decode(errors='replace')}: {why}")

    def walk(path: Path) -> Iterator[str]:
        status = path.stat()
        before = found.setdefault((status.st_dev, status.st_ino), path)
        if before != path:
            what = "this is found twice, by a link"
            raise DataError(what, where=f"{before} and {path}", fix="remove one of the two")
        if not path.is_dir():
            yield path.relative_to(folder).as_posix()
            return
        for inside in sorted(path.iterdir()):
            if why := _why_not(inside):
                leave_out(inside, why)
            else:
                _check_name(inside)
                yield from walk(inside)

    classes = []
    with reading(folder, DataError):
        status = folder.stat()
        found[status.st_dev, status.st_ino] = folder
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or not path.is_dir():
                leave_out(path, "hidden" if path.name.startswith(".") else "in no class folder")
                continue
            _check_name(path)
            files = sorted(walk(path), key=lambda file: (compose(file), file))
            classes.append(ClassFolder(compose(path.name), tuple(files)))
    check_unique((item.name, f"{folder / item.name}") for item in classes)
    if not classes:
        raise DataError("no class folder", where=folder, fix="put the images of each class in a folder")
    return Images(tuple(sorted(classes, key=lambda item: item.name)), tuple(left_out))


def _why_not(path: Path) -> str:
    """Return why a file or folder is left out; empty if it is not."""
    if path.name.startswith("."):
        return "hidden"
    if path.is_dir():
        return ""
    if not path.exists():
        return "a link that leads nowhere"
    if path.suffix.lower() not in SUFFIXES:
        return "not an image, according to its suffix"
    return "" if path.is_file() and path.stat().st_size else "empty"


def _check_name(path: Path) -> None:
    """Refuse names that a list in a text file would not keep."""
    name = path.name
    if name.strip() != name or not name.isprintable():  # bytes that are not UTF-8 are not printable
        where = os.fsencode(path).decode(errors="replace")
        what = "the name begins or ends with a space, or is not printable UTF-8"
        raise DataError(what, where=where, fix="rename it")


@dataclass(frozen=True)
class Table:
    """Semantics as read: ``(C, a)`` values, class names if the file has them, places of the rows."""

    values: NDArray[np.float32]
    names: tuple[str, ...] | None
    places: tuple[str, ...]


def read_table(path: Path, classes: Sequence[str]) -> Table:
    """Read a .csv or .npy file with semantics of the ``classes``, which are the class folders."""
    if path.suffix.lower() == ".csv":
        return _read_csv(path, classes)
    if path.suffix.lower() == ".npy":
        return _read_npy(path, len(classes))
    fix = "save it as CSV: the class in the first column, a number in each of the others"
    raise DataError("a table of semantics is a .csv or .npy file", where=path, fix=fix)


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


def _read_npy(path: Path, classes: int) -> Table:
    """Read a ``(C, a)`` array, one row a class."""
    check_file(path, DataError)
    try:
        matrix = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        fix = "write it with numpy.save, not as objects"
        raise DataError(f"not an array of numbers: {error}", where=path, fix=fix) from error
    if not isinstance(matrix, np.ndarray):
        raise DataError("several arrays in one file", where=path, fix="write one with numpy.save")
    if matrix.dtype.kind not in "biuf" or matrix.ndim != 2 or not matrix.size:
        what = f"expected a matrix of numbers, found {matrix.dtype} of shape {matrix.shape}"
        raise DataError(what, where=path, fix="store a numeric matrix of two dimensions")
    if len(matrix) != classes:
        is_transposed = matrix.shape[1] == classes
        what = f"{len(matrix)} rows, but there are {classes} class folders"
        fix = "save its transpose" if is_transposed else "give it one row for each class"
        raise DataError(what, where=path, fix=fix)
    with np.errstate(over="ignore"):  # values too large for float32 become infinite, which is an error below
        values = np.ascontiguousarray(matrix, dtype=np.float32)
    places = tuple(f"{path}: class {row + 1}" for row in range(len(values)))
    damaged = np.argwhere(~np.isfinite(values))
    if len(damaged):
        row, column = damaged[0].tolist()
        what = f"number {column + 1} is {matrix[row, column]}, not a finite number of single precision"
        fix = "give each class a finite number in every dimension"
        raise DataError(what, where=places[row], fix=fix)
    return Table(values, None, places)
