"""What `gzslbench data build` is asked for, and what will come of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.prepare.build.matching import FEW, named, read_names, semantics_of
from gzslbench.prepare.build.naming import nearest
from gzslbench.prepare.build.partition import Partition, drawn, partition
from gzslbench.prepare.build.photographs import ClassFolder, Photographs, find_photographs
from gzslbench.prepare.build.table import read_table
from gzslbench.data.formats.sources import sha256_of
from gzslbench.errors import DataError, ParamError


@dataclass(frozen=True)
class Request:
    """What a dataset is built from.

    Attributes:
        images: A folder with one folder of photographs a class.
        semantics: A .csv, .mat or .npy file.
        semantics_name: What ``--semantics`` will call them.
        class_names: A class list in the order of the table's rows, where the table names no classes.
        unseen: A class list; or else
        unseen_classes: how many classes are drawn.
        test_seen: The share of each seen class's photographs that test, between 0 and 1.
        validation_classes: How many seen classes are drawn for validation; None leaves that to the reader.
        seed: Of everything drawn, 0 or more.
    """

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
        """Refuse what cannot be, with a ParamError."""
        if (self.unseen is None) == (self.unseen_classes is None):
            raise ParamError(
                "unseen classes are named by a list, or drawn",
                where="--unseen, --unseen-classes",
                fix="give one of the two",
            )
        if not 0 < self.test_seen < 1:
            raise ParamError(
                f"a share of {self.test_seen:g}", where="--test-seen", fix="choose one above 0 and below 1"
            )
        if self.seed < 0:
            raise ParamError(f"seed is {self.seed}", where="--seed", fix="choose 0 or more")
        if not re.fullmatch(r"(?!original_)\w[\w-]*", self.semantics_name):
            raise ParamError(
                f"semantics cannot be called {self.semantics_name!r}",
                where="--semantics-name",
                fix="use letters, digits, - and _; names that begin with original_ are the reader's own",
            )


@dataclass(frozen=True)
class Plan:
    """A dataset before it is written.

    Attributes:
        request: What was asked for.
        photographs: What the folder holds.
        semantics: ``(C, a)`` float32, in the order of the classes.
        partition: Of classes and rows.
        semantics_sha256: Of the table's file.
    """

    request: Request
    photographs: Photographs
    semantics: NDArray[np.float32]
    partition: Partition
    semantics_sha256: str

    @property
    def classes(self) -> tuple[ClassFolder, ...]:
        """Sorted by name: labels index them."""
        return self.photographs.classes

    @property
    def identity(self) -> str:
        """sha256 of all that decides the dataset: names, files, semantics, split and validation classes."""
        digest = hashlib.sha256(self.request.semantics_name.encode())
        for each in self.classes:
            digest.update("\0".join((each.name, *each.files, "")).encode())
        digest.update("\0".join(("", *self.partition.validation)).encode())
        digest.update(self.semantics.astype("<f4").tobytes())
        digest.update(self.partition.split.fingerprint.encode())
        return digest.hexdigest()


def plan_build(request: Request) -> Plan:
    """Look at everything and write nothing.

    Raises:
        DataError: Photographs, semantics or class lists cannot be read or contradict each other.
        ParamError: More classes are asked for than there are.
    """
    photographs = find_photographs(request.images)
    classes = photographs.classes
    folders = [each.name for each in classes]
    table = read_table(request.semantics, folders, request.semantics_name)
    listed = tuple(read_names(request.class_names)) if request.class_names else None
    table = named(table, listed, classes, request.class_names or request.semantics)
    semantics = semantics_of(classes, table, request.images, request.semantics)
    unseen = _unseen(request, folders)
    seen = [name for name in folders if name not in unseen]
    validation: tuple[str, ...] = ()
    if request.validation_classes is not None:
        number = request.validation_classes
        validation = drawn(seen, number, request.seed, "validation", "--validation-classes")
    made = partition(classes, unseen, share=request.test_seen, seed=request.seed, validation=validation)
    return Plan(request, photographs, semantics, made, sha256_of(request.semantics))


def _unseen(request: Request, folders: Sequence[str]) -> tuple[str, ...]:
    if request.unseen is None:
        assert request.unseen_classes is not None
        return drawn(folders, request.unseen_classes, request.seed, "unseen", "--unseen-classes")
    listed = read_names(request.unseen)
    unknown = [name for name in listed if name not in folders]
    if unknown:
        raise DataError(
            f"{len(unknown)} of the unseen classes have no class folder: "
            + ", ".join(f"{name!r}{nearest(name, folders)}" for name in unknown[:FEW]),
            where=listed[unknown[0]],
            fix="write the name of one class folder a line",
        )
    if not 1 <= len(listed) < len(folders):
        raise DataError(
            f"{len(listed)} of {len(folders)} classes are unseen",
            where=request.unseen,
            fix=f"list from 1 to {len(folders) - 1} of them",
        )
    return tuple(listed)
