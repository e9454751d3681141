"""A class list: a text file with one class name a line."""

from __future__ import annotations

from pathlib import Path

from gzslbench.errors import DataError
from gzslbench.reading import reading


def read_class_list(path: Path) -> tuple[str, ...]:
    """The names in ``path`` in their order, empty lines left out.

    Raises:
        DataError: It cannot be read, or is not UTF-8.
    """
    try:
        with reading(path, DataError):
            lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError(
            "a class list that is not UTF-8", where=f"{path}: line {line}", fix="save the list as UTF-8"
        ) from error
    return tuple(line.strip() for line in lines if line.strip())
