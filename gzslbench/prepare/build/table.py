"""Tables of semantics, whatever file they lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import DataError


@dataclass(frozen=True)
class Table:
    """Semantics as they were read.

    Attributes:
        values: ``(C, a)`` float32, finite.
        names: The class of each row; None where the file names none.
        places: Where each row stands.
    """

    values: NDArray[np.float32]
    names: tuple[str, ...] | None
    places: tuple[str, ...]


def read_table(path: Path, classes: Sequence[str], name: str) -> Table:
    """Read a .csv, .mat or .npy file.

    Args:
        path: The file.
        classes: Names of the class folders, whose number tells rows from columns where the file does not.
        name: Of the semantics; a .mat file may call its variable so.

    Raises:
        DataError: It is of another kind, cannot be read, or holds something else than numbers.
    """
    from gzslbench.prepare.build.array_table import read_mat_table, read_npy_table
    from gzslbench.prepare.build.csv_table import read_csv_table

    kind = path.suffix.lower()
    if kind == ".csv":
        return read_csv_table(path, classes)
    if kind == ".npy":
        return read_npy_table(path, len(classes))
    if kind == ".mat":
        return read_mat_table(path, len(classes), name)
    raise DataError(
        f"a table of semantics is a .csv, .mat or .npy file, not {path.suffix or 'one without an ending'}",
        where=path,
        fix="save it as CSV: the class in the first column, a number in each of the others",
    )
