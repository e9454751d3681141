"""Plan what `gzslbench data build` writes: read images and semantics, match their classes and split them.

No random generator is used, because another version of a library may change its numbers. Instead names are
sorted by the random stream that the seed gives to each name, and the first ones are taken. So an additional
class or image does not change the order of the others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.computing.seeds import stream
from gzslbench.data import checks
from gzslbench.data.dataset import PARTS, Split
from gzslbench.files import sha256_of
from gzslbench.data.formats.xlsa17 import numbered_classes
from gzslbench.errors import DataError, ParamError
from gzslbench.prepare.build.inputs import (
    ClassFolder,
    Images,
    Table,
    check_unique,
    compose,
    find_images,
    read_table,
    suggest,
)

MAX_LISTED = 10
STREAM = "build"


@dataclass(frozen=True)
class Request:
    """What a dataset is built from: the options of `gzslbench data build`, whose help describes them."""

    images: Path
    semantics: Path
    semantics_name: str = "att"
    class_names: Path | None = None
    unseen: Path | None = None
    unseen_classes: int | None = None
    test_seen: float = 0.2
    validation_classes: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise a ParamError for values that are not possible."""
        if (self.unseen is None) == (self.unseen_classes is None):
            what = "unseen classes are either listed or sampled"
            raise ParamError(what, where="--unseen, --unseen-classes", fix="give one of the two")
        if not 0 < self.test_seen < 1:
            what = f"a share of {self.test_seen:g}"
            raise ParamError(what, where="--test-seen", fix="choose a share above 0 and below 1")
        if self.seed < 0:
            raise ParamError(f"seed is {self.seed}", where="--seed", fix="choose 0 or more")
        if not re.fullmatch(r"(?!original_)\w[\w-]*", self.semantics_name):
            what = f"semantics cannot have the name {self.semantics_name!r}"
            fix = "use letters, digits, - and _; names that begin with original_ are reserved"
            raise ParamError(what, where="--semantics-name", fix=fix)


@dataclass(frozen=True)
class Partition:
    """The split of a dataset whose rows are the images, class after class; ``labels`` are ``(N,)`` from 0.

    Without ``validation`` classes the validation split chooses them.
    """

    labels: NDArray[np.int64]
    unseen: tuple[str, ...]
    validation: tuple[str, ...]
    split: Split


@dataclass(frozen=True)
class Plan:
    """A dataset before it is written; its semantics are ``(C, a)`` float32 in the order of the classes."""

    request: Request
    images: Images
    semantics: NDArray[np.float32]
    partition: Partition
    semantics_sha256: str

    @property
    def classes(self) -> tuple[ClassFolder, ...]:
        """The classes sorted by name; labels are their indices."""
        return self.images.classes

    @property
    def identity(self) -> str:
        """The sha256 of all that decides the dataset: names, files, semantics, split, validation classes."""
        digest = hashlib.sha256(self.request.semantics_name.encode())
        for item in self.classes:
            digest.update("\0".join((item.name, *item.files, "")).encode())
        digest.update("\0".join(("", *self.partition.validation)).encode())
        digest.update(self.semantics.astype("<f4").tobytes())
        digest.update(self.partition.split.fingerprint.encode())
        return digest.hexdigest()


def plan_build(request: Request) -> Plan:
    """Read and check everything, and write nothing."""
    images = find_images(request.images)
    classes = images.classes
    folders = [item.name for item in classes]
    table = _add_names(read_table(request.semantics, folders, request.semantics_name), request, folders)
    semantics = _match_semantics(classes, table, request.images, request.semantics)
    unseen = _choose_unseen(request, folders)
    validation: tuple[str, ...] = ()
    if request.validation_classes is not None:
        seen = [name for name in folders if name not in unseen]
        number = request.validation_classes
        validation = sample_classes(seen, number, request.seed, "validation", "--validation-classes")
    parts = partition(classes, unseen, share=request.test_seen, seed=request.seed, validation=validation)
    return Plan(request, images, semantics, parts, sha256_of(request.semantics))


def _choose_unseen(request: Request, folders: Sequence[str]) -> tuple[str, ...]:
    if request.unseen is None:
        assert request.unseen_classes is not None
        return sample_classes(folders, request.unseen_classes, request.seed, "unseen", "--unseen-classes")
    listed = _read_names(request.unseen)
    unknown = [name for name in listed if name not in folders]
    if unknown:
        names = ", ".join(f"{name!r}{suggest(name, folders)}" for name in unknown[:MAX_LISTED])
        what = f"{len(unknown)} of the unseen classes have no class folder: {names}"
        raise DataError(what, where=listed[unknown[0]], fix="write the name of one class folder a line")
    if not 1 <= len(listed) < len(folders):
        what = f"{len(listed)} of {len(folders)} classes are unseen"
        raise DataError(what, where=request.unseen, fix=f"list from 1 to {len(folders) - 1} of them")
    return tuple(listed)


def _read_names(path: Path) -> dict[str, str]:
    """Read a class list; return the place of each name, in Unicode's composed form."""
    listed = [(compose(name), f"{path}: line {line}") for line, name in numbered_classes(path)]
    check_unique(listed)
    return dict(listed)


def _add_names(table: Table, request: Request, folders: Sequence[str]) -> Table:
    """Name each row: by the table itself, by the list, or by the class folders in their order."""
    if request.class_names is not None and table.names is not None:
        what = "the table names its classes itself, and --class-names does too"
        raise DataError(what, where=request.class_names, fix="leave --class-names out")
    names = tuple(_read_names(request.class_names)) if request.class_names else table.names or folders
    if len(names) != len(table.values):
        what, where = f"{len(names)} class names for {len(table.values)} rows of semantics", request.class_names
        fix = "list one class for each row, in the rows' order"
        raise DataError(what, where=where or request.semantics, fix=fix)
    return Table(table.values, tuple(names), table.places)


def _match_semantics(
    classes: Sequence[ClassFolder], table: Table, images: Path, where: Path
) -> NDArray[np.float32]:
    """Return ``(C, a)`` semantics in the order of the class folders; an error lists all mismatches."""
    assert table.names is not None
    check_unique(zip(table.names, table.places, strict=True))
    problems = list(_find_mismatches(classes, table))
    if problems:
        more = [f"and {len(problems) - MAX_LISTED} more"] if len(problems) > MAX_LISTED else []
        lines = "".join(f"\n    {line}" for line in (*problems[:MAX_LISTED], *more))
        fix = "give each class a folder with images, and semantics of the same name"
        what = f"class folders and semantics do not match:{lines}"
        raise DataError(what, where=f"{images} and {where}", fix=fix)
    rows = {name: row for row, name in enumerate(table.names)}
    semantics = table.values[[rows[item.name] for item in classes]]
    checks.check_semantics(semantics, [item.name for item in classes], str(where))
    return semantics


def _find_mismatches(classes: Sequence[ClassFolder], table: Table) -> Iterator[str]:
    assert table.names is not None
    folders = [item.name for item in classes]
    without_folder = [name for name in table.names if name not in set(folders)]
    without_semantics = [name for name in folders if name not in set(table.names)]
    for item in classes:
        if not item.files:
            yield f"the class folder {item.name!r} has no image"
        if item.name in without_semantics:
            yield f"the class folder {item.name!r} has no semantics{suggest(item.name, without_folder)}"
    for name, place in zip(table.names, table.places, strict=True):
        if name in without_folder:
            yield f"{name!r} has semantics ({place}), but no class folder{suggest(name, without_semantics)}"


def sample_classes(
    names: Sequence[str], number: int, seed: int, purpose: str, option: str
) -> tuple[str, ...]:
    """Return ``number`` of the names, sorted; the choice depends only on names, seed and purpose."""
    if not 1 <= number < len(names):
        what = f"{number} of {len(names)} classes"
        raise ParamError(what, where=option, fix=f"choose from 1 to {len(names) - 1}")
    return tuple(sorted(sorted(names, key=lambda name: stream(seed, STREAM, purpose, name))[:number]))


def partition(
    classes: Sequence[ClassFolder], unseen: Collection[str], share: float, seed: int, validation: Sequence[str] = ()
) -> Partition:
    """Split images: all images of ``unseen`` classes test; of each other class, a share of them.

    Of a seen class with n images, n·share (rounded) test, but at least one and at most n-1.
    """
    single = [item.name for item in classes if len(item.files) < 2 and item.name not in unseen]
    if single:
        what = f"{len(single)} seen classes have a single image, which cannot both train and test"
        fix = "add an image, make the class an unseen one, or remove folder and semantics"
        raise DataError(what, where=f"the class folder {single[0]!r}", fix=fix)
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
