"""Choose which classes are unseen, and which images of the seen classes test.

No random generator is used, because another version of a library may change its numbers. Instead names are
sorted by the random stream that the seed gives to each name, and the first ones are taken. So an additional
class or image does not change the order of the others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gzslbench.computing.seeds import stream
from gzslbench.data.split import PARTS, Split
from gzslbench.errors import DataError, ParamError
from gzslbench.prepare.build.images import ClassFolder, compose

STREAM = "build"


@dataclass(frozen=True)
class Partition:
    """The split of a dataset whose rows are the images, class after class.

    Attributes:
        labels: ``(N,)`` the class of each row, from 0.
        unseen: Names of the unseen classes, sorted.
        validation: Names of the seen classes that act as unseen classes in validation; if empty, validation
            chooses them.
        split: Of the rows.
    """

    labels: NDArray[np.int64]
    unseen: tuple[str, ...]
    validation: tuple[str, ...]
    split: Split


def sample_classes(
    names: Sequence[str], number: int, seed: int, purpose: str, option: str
) -> tuple[str, ...]:
    """Return ``number`` of the names, sorted; the choice depends only on names, seed and purpose."""
    if not 1 <= number < len(names):
        what = f"{number} of {len(names)} classes"
        raise ParamError(what, where=option, fix=f"choose from 1 to {len(names) - 1}")
    return tuple(sorted(sorted(names, key=lambda name: stream(seed, STREAM, purpose, name))[:number]))


def partition(
    classes: Sequence[ClassFolder],
    unseen: Collection[str],
    *,
    share: float,
    seed: int,
    validation: Sequence[str] = (),
) -> Partition:
    """Split images: all images of ``unseen`` classes test; of each other class, a share of them.

    Of a seen class with n images, n·share (rounded) test, but at least one and at most n-1.
    """
    single = [item.name for item in classes if len(item.files) < 2 and item.name not in unseen]
    if single:
        raise DataError(
            f"{len(single)} seen classes have a single image, which cannot both train and test "
            f"(the first is {single[0]!r})",
            where=f"the class folder {single[0]!r}",
            fix="add an image, make the class an unseen one, or remove its folder and its semantics",
        )
    parts: dict[str, list[int]] = {part: [] for part in PARTS}
    row = 0
    for item in classes:
        number = min(max(round(len(item.files) * share), 1), len(item.files) - 1)
        order = sorted(item.files, key=lambda file: stream(seed, STREAM, "test_seen", compose(file)))
        tested = set(order[:number])
        for file in item.files:
            seen_part = "test_seen" if file in tested else "trainval"
            parts["test_unseen" if item.name in unseen else seen_part].append(row)
            row += 1
    labels = np.repeat(np.arange(len(classes)), [len(item.files) for item in classes])
    split = Split("ps", *(np.array(rows, dtype=np.int64) for rows in parts.values()))
    return Partition(labels.astype(np.int64), tuple(sorted(unseen)), tuple(sorted(validation)), split)
