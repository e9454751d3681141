"""Class folders beside rows of semantics: each of one needs one of the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.prepare.build.naming import check_apart, composed, nearest
from gzslbench.prepare.build.photographs import ClassFolder
from gzslbench.prepare.build.table import Table
from gzslbench.data import checks
from gzslbench.data.formats.xlsa17 import numbered_classes
from gzslbench.errors import DataError

FEW = 10


def read_names(path: Path) -> dict[str, str]:
    """A class list, in Unicode's composed form: from each name to where it stands.

    Raises:
        DataError: It cannot be read, or a name comes twice.
    """
    listed = [(composed(name), f"{path}: line {line}") for line, name in numbered_classes(path)]
    check_apart(listed)
    return dict(listed)


def named(table: Table, names: Sequence[str] | None, classes: Sequence[ClassFolder], where: Path) -> Table:
    """The table with a name for each row: its own, those listed, or the class folders' in their order.

    Raises:
        DataError: Names are listed for a table that has its own, or another number of them.
    """
    if names is None:
        names = table.names if table.names is not None else [each.name for each in classes]
    elif table.names is not None:
        raise DataError(
            "the table names its classes itself, and --class-names does too",
            where=where,
            fix="leave --class-names out",
        )
    if len(names) != len(table.values):
        raise DataError(
            f"{len(names)} class names for {len(table.values)} rows of semantics",
            where=where,
            fix="list one class for each row, in the rows' order",
        )
    return Table(table.values, tuple(names), table.places)


def semantics_of(
    classes: Sequence[ClassFolder], table: Table, images: Path, where: Path
) -> NDArray[np.float32]:
    """``(C, a)`` semantics in the order of the class folders.

    Args:
        classes: The class folders.
        table: With names.
        images: The folder of the class folders, for messages.
        where: The file of the table, for messages.

    Raises:
        DataError: A folder has no photograph or no semantics, semantics have no folder, a class comes twice,
            or its semantics are all 0. All folders and rows in question are named.
    """
    assert table.names is not None
    check_apart(zip(table.names, table.places, strict=True))
    problems = list(_problems([each.name for each in classes], classes, table))
    if problems:
        more = [f"and {len(problems) - FEW} more"] if len(problems) > FEW else []
        lines = "".join(f"\n    {line}" for line in (*problems[:FEW], *more))
        raise DataError(
            f"class folders and semantics do not match:{lines}",
            where=f"{images} and {where}",
            fix="give each class a folder with photographs, and semantics under the very name of the folder",
        )
    rows = {name: row for row, name in enumerate(table.names)}
    semantics = table.values[[rows[each.name] for each in classes]]
    checks.check_semantics(semantics, [each.name for each in classes], str(where))
    return semantics


def _problems(folders: Sequence[str], classes: Sequence[ClassFolder], table: Table) -> Iterator[str]:
    assert table.names is not None
    with_semantics, with_folder = set(table.names), set(folders)
    spare = [name for name in table.names if name not in with_folder]
    for each in classes:
        if not each.files:
            yield f"the class folder {each.name!r} holds no photograph"
        if each.name not in with_semantics:
            yield f"the class folder {each.name!r} has no semantics{nearest(each.name, spare)}"
    bare = [name for name in folders if name not in with_semantics]
    for name, place in zip(table.names, table.places, strict=True):
        if name not in with_folder:
            yield f"{name!r} has semantics ({place}), but no class folder{nearest(name, bare)}"
