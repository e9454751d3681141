"""A class list: a text file with one class name a line."""

from __future__ import annotations

from pathlib import Path

from gzslbench.errors import DataError
from gzslbench.files import reading


def read_class_list(path: Path) -> tuple[str, ...]:
    """The names in ``path`` in their order, empty lines left out.

    Raises:
        DataError: It cannot be read, or is not UTF-8.
    """
    return tuple(name for _, name in numbered_classes(path))


def numbered_classes(path: Path) -> list[tuple[int, str]]:
    """The same, each with the number of its line from 1."""
    try:
        with reading(path, DataError):
            lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError(
            "a class list that is not UTF-8", where=f"{path}: line {line}", fix="save the list as UTF-8"
        ) from error
    return [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
