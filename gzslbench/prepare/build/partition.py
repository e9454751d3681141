"""Which classes are unseen, and which photographs of the seen ones test.

Nothing is drawn from a generator, whose numbers another version of a library may change: names are put in
the order of the random stream that the seed gives each of them, and the first ones are taken. So a class or
a photograph more leaves the order of the others as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gzslbench.prepare.build.naming import composed
from gzslbench.prepare.build.photographs import ClassFolder
from gzslbench.computing.seeds import stream
from gzslbench.data.split import Split
from gzslbench.errors import DataError, ParamError

STREAM = "build"


@dataclass(frozen=True)
class Partition:
    """Rows are the photographs, class after class.

    Attributes:
        labels: ``(N,)`` the class of each row, from 0.
        unseen: Names of the unseen classes, sorted.
        validation: Names of the seen classes that play the unseen ones in validation; none leaves the choice
            to the reader.
        split: Of the rows.
    """

    labels: NDArray[np.int64]
    unseen: tuple[str, ...]
    validation: tuple[str, ...]
    split: Split


def drawn(names: Sequence[str], number: int, seed: int, purpose: str, option: str) -> tuple[str, ...]:
    """``number`` of the names, sorted: all the same for the same seed and purpose, whatever their order.

    Raises:
        ParamError: Not between 1 and one fewer than there are.
    """
    if not 1 <= number < len(names):
        raise ParamError(
            f"{number} of {len(names)} classes", where=option, fix=f"choose from 1 to {len(names) - 1}"
        )
    return tuple(sorted(sorted(names, key=lambda name: stream(seed, STREAM, purpose, name))[:number]))


def partition(
    classes: Sequence[ClassFolder],
    unseen: Collection[str],
    *,
    share: float,
    seed: int,
    validation: Sequence[str] = (),
) -> Partition:
    """All photographs of ``unseen`` classes test; of each other class, a share of them.

    Of a seen class with n photographs, n·share (rounded) test, but at least one and at most n-1.

    Args:
        classes: With their photographs.
        unseen: Names of some of them.
        share: Between 0 and 1.
        seed: Which photographs test.
        validation: Names of some seen classes.

    Raises:
        DataError: A seen class has a single photograph, which cannot both train and test.
    """
    single = [each.name for each in classes if len(each.files) < 2 and each.name not in unseen]
    if single:
        raise DataError(
            f"{len(single)} seen classes have a single photograph, which cannot both train and test "
            f"(the first is {single[0]!r})",
            where=f"the class folder {single[0]!r}",
            fix="add a photograph, make the class an unseen one, or remove its folder and its semantics",
        )
    parts: dict[str, list[int]] = {"trainval": [], "test_seen": [], "test_unseen": []}
    first = 0
    for each in classes:
        rows = range(first, first + len(each.files))
        tested = set(_tested(each, share, seed))
        for row, file in zip(rows, each.files, strict=True):
            seen = "test_seen" if file in tested else "trainval"
            parts["test_unseen" if each.name in unseen else seen].append(row)
        first += len(each.files)
    labels = np.repeat(np.arange(len(classes)), [len(each.files) for each in classes])
    split = Split("ps", *(np.array(rows, dtype=np.int64) for rows in parts.values()))
    return Partition(labels.astype(np.int64), tuple(sorted(unseen)), tuple(sorted(validation)), split)


def _tested(each: ClassFolder, share: float, seed: int) -> list[str]:
    number = min(max(round(len(each.files) * share), 1), len(each.files) - 1)
    return sorted(each.files, key=lambda file: stream(seed, STREAM, "test_seen", composed(file)))[:number]
