"""Plan a dataset: read images or arrays, and semantics, match their classes, and split the rows.

No random generator is used, because another version of a library may change its numbers. Instead names are
sorted by the random stream that the seed gives to each name, and the first ones are taken. So an additional
class or image does not change the order of the others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gzslbench.computing.seeds import stream
from gzslbench.data import checks
from gzslbench.data.dataset import PARTS, Split, content_fingerprint
from gzslbench.errors import DataError, ParamError, shorten
from gzslbench.files import sha256_of
from gzslbench.prepare.building.arrays import read_features, read_labels, read_row_names
from gzslbench.prepare.building.folders import find_images
from gzslbench.prepare.building.names import check_unique, compose, read_names, suggest
from gzslbench.prepare.building.tables import Table, read_table

STREAM = "build"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a dataset is built from: the options of `gzslbench data build`, whose help describes them.

    Attributes:
        semantics: A .csv or .npy file, a ``(C, a)`` array, or a vector for the name of each class.
        images: The folder with a folder of images per class, or, with ``labels``, of the images in ``names``.
        features: A file or an array of ``(N, d)`` floats. ``file.npz:name`` names an array in a file.
        labels: A file or a sequence of N names or numbers of classes. Numbers count the rows of the table
            from 0 or from 1, unless the table has these numbers as names.
        names: A file or a sequence of N names of the rows, such as paths of images; None counts the rows.
        features_name: What `run --features` takes; None takes the name of the file.
        semantics_name: What `run --semantics` takes.
        class_names: A file with the classes of the rows of a table without names, one per line.
        unseen: The unseen classes: a file with one per line, or their names.
        unseen_classes: How many unseen classes to draw instead.
        test_seen: The share of each seen class's rows for testing, above 0 and below 1.
        validation_classes: How many seen classes to draw for validation; None lets a run choose them.
        seed: The seed of all random choices.
        layout: The published layout that these values were read from, if any, for the record.

    Raises:
        ParamError: An option is missing, or has an impossible value.
    """

    semantics: Path | ArrayLike | Mapping[str, ArrayLike]
    images: Path | None = None
    features: Path | ArrayLike | None = None
    labels: Path | ArrayLike | None = None
    names: Path | ArrayLike | None = None
    features_name: str | None = None
    semantics_name: str = "att"
    class_names: Path | None = None
    unseen: Path | Sequence[str] | None = None
    unseen_classes: int | None = None
    test_seen: float = 0.2
    validation_classes: int | None = None
    seed: int = 0
    layout: str | None = None

    def __post_init__(self) -> None:
        """Raise a ParamError for values that are not possible."""
        if (self.images is None) == (self.features is None):
            what = "a dataset is built either from images or from features"
            raise ParamError(what, where="--images, --features", fix="give one of the two")
        if self.features is not None and self.labels is None:
            raise ParamError("features need labels", where="--labels", fix="give --labels FILE")
        if self.features is None and (self.labels is None) != (self.names is None):
            what = "images have labels from their folders, or from two lists"
            raise ParamError(what, where="--labels, --names", fix="give both, or neither")
        if self.features is None and self.features_name is not None:
            fix = "leave it out, or give --features"
            raise ParamError("this names features, not images", where="--features-name", fix=fix)
        if (self.unseen is None) == (self.unseen_classes is None):
            what = "no unseen classes are given" if self.unseen is None else "unseen classes are given twice"
            fix = "add one of the two: --unseen FILE, your own list, or --unseen-classes K, drawn at random"
            raise ParamError(what, where="--unseen, --unseen-classes", fix=fix)
        if not 0 < self.test_seen < 1:
            what = f"a share of {self.test_seen:g}"
            raise ParamError(what, where="--test-seen", fix="choose a share above 0 and below 1")
        if not re.fullmatch(r"(?!original_)\w[\w-]*", self.semantics_name):
            what = f"semantics cannot have the name {self.semantics_name!r}"
            fix = "use letters, digits, - and _; names that begin with original_ are reserved"
            raise ParamError(what, where="--semantics-name", fix=fix)
        if self.features_name is not None and not re.fullmatch(r"\w[\w.-]*", self.features_name):
            what = f"features cannot have the name {self.features_name!r}"
            raise ParamError(what, where="--features-name", fix="use letters, digits, ., - and _")


class Words(NamedTuple):
    """How errors and summaries call one class, several, what a class without rows lacks, and a row."""

    one: str
    many: str
    missing: str
    row: str


FOLDERS = Words("class folder", "class folders", "class folder", "image")
LABELS = Words("class", "classes", "row with this label", "row")


@dataclass(frozen=True)
class Rows:
    """The rows of a dataset: which class and which name each has.

    Attributes:
        classes: C names; labels are their indices.
        labels: ``(N,)`` int64 from 0.
        names: N names, for example paths of images, or numbers from 1.
        words: What messages call classes and rows.
        has_names: Whether the names are more than the numbers of the rows.
        left_out: The files that are in no row, with the reasons.
    """

    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    words: Words = FOLDERS
    has_names: bool = True
    left_out: tuple[str, ...] = ()

    @cached_property
    def by_class(self) -> list[list[int]]:
        """The sorted rows of each class."""
        order = np.argsort(self.labels, kind="stable")
        ends = np.cumsum(np.bincount(self.labels, minlength=len(self.classes)))
        return [part.tolist() for part in np.split(order, ends[:-1])]


@dataclass(frozen=True)
class Features:
    """``(N, d)`` features, perhaps still in a file; their name, notes, and ``content_fingerprint``."""

    name: str
    values: NDArray[Any]
    notes: tuple[str, ...]
    content: str


@dataclass(frozen=True)
class Partition:
    """The split of the rows; ``labels`` are ``(N,)`` from 0, ``validation`` may be empty."""

    labels: NDArray[np.int64]
    unseen: tuple[str, ...]
    validation: tuple[str, ...]
    split: Split


@dataclass(frozen=True)
class Plan:
    """A dataset before it is written; its semantics are ``(C, a)`` float32 in the order of the classes.

    ``features`` are None if it is built from images, and ``semantics_sha256`` if they come from no file.
    """

    request: Request
    rows: Rows
    semantics: NDArray[np.float32]
    partition: Partition
    semantics_sha256: str | None
    features: Features | None = None

    @property
    def identity(self) -> str:
        """The sha256 of all that decides the dataset: names, rows, semantics, split, validation classes."""
        digest = hashlib.sha256(self.request.semantics_name.encode())
        for name, own in zip(self.rows.classes, self.rows.by_class, strict=True):
            digest.update("\0".join((name, *(self.rows.names[row] for row in own), "")).encode())
        digest.update("\0".join(("", *self.partition.validation)).encode())
        digest.update(self.semantics.astype("<f4").tobytes())
        digest.update(self.partition.split.fingerprint.encode())
        if self.features is not None:
            digest.update(f"{self.features.name}\0{self.features.content}".encode())
        return digest.hexdigest()


def plan_build(request: Request) -> Plan:
    """Read and check everything, and write nothing."""
    source, by_list = request.semantics, request.labels is not None
    rows = _rows_of_arrays(request) if by_list else _rows_of_images(request)
    table = _add_names(read_table(source, rows.classes, rows.words.many), request, rows.classes)
    rows = _name_classes(rows, table.names or (), request)
    semantics = _match_semantics(rows, table, request)
    if by_list:  # numbers of classes, and the order of the user's table, stay as they are
        names = table.names or ()
        new_ids = np.array([names.index(name) for name in rows.classes], dtype=np.int64)
        rows, semantics = replace(rows, classes=names, labels=new_ids[rows.labels]), table.values
    unseen = _choose_unseen(request, rows)
    validation: tuple[str, ...] = ()
    if request.validation_classes is not None:
        seen = [name for name in rows.classes if name not in unseen]
        number = request.validation_classes
        validation = sample_classes(seen, number, request.seed, "validation", "--validation-classes")
    parts = partition(rows, unseen, share=request.test_seen, seed=request.seed, validation=validation)
    sha256 = sha256_of(source) if isinstance(source, Path) else None
    features = None if request.features is None else _check_features(request, rows, semantics)
    return Plan(request, rows, semantics, parts, sha256, features)


def _rows_of_images(request: Request) -> Rows:
    assert request.images is not None
    images = find_images(request.images)
    labels = np.repeat(np.arange(len(images.classes)), [len(item.files) for item in images.classes])
    names = tuple(file for item in images.classes for file in item.files)
    return Rows(tuple(item.name for item in images.classes), labels, names, left_out=images.left_out)


def _rows_of_arrays(request: Request) -> Rows:
    """Read labels and names of rows. Without names, the numbers of the rows from 1 stand for them."""
    assert request.labels is not None
    texts, are_numbers = read_labels(request.labels)
    if not texts:
        fix = "give each row of features its class"
        raise DataError("there are no labels", where=_describe(request.labels), fix=fix)
    classes = sorted(set(texts), key=int if are_numbers else None)
    first = {name: row for row, name in reversed(list(enumerate(texts, 1)))}
    check_unique((name, f"{_describe(request.labels)}: row {first[name]}") for name in classes)
    ids = {name: label for label, name in enumerate(classes)}
    labels = np.array([ids[text] for text in texts], dtype=np.int64)
    if request.names is None:
        names = tuple(map(str, range(1, len(texts) + 1)))
    else:
        names = read_row_names(request.names, len(texts))
    missing = [name for name in names if not (request.images / name).is_file()] if request.images else []
    if missing:
        what, fix = f"{len(missing)} images are missing, the first is {missing[0]}", "name their folder"
        raise DataError(what, where=request.images, fix=fix)
    return Rows(tuple(classes), labels, names, LABELS, has_names=request.names is not None)


def _describe(source: object) -> str:
    """Return the name of a file, or what else the labels or the semantics are."""
    return str(source) if isinstance(source, Path) else "the array"


def _name_classes(rows: Rows, names: Sequence[str], request: Request) -> Rows:
    """Give numbered classes their names: numbers count ``names`` from 0 or from 1, unless they are names."""
    if request.labels is None or not all(name.isdigit() for name in rows.classes):
        return rows
    numbers = [int(name) for name in rows.classes]  # sorted
    if set(rows.classes) & set(names):
        return rows
    if numbers not in (list(range(len(names))), list(range(1, len(names) + 1))):
        span = f"{len(numbers)} numbers from {numbers[0]} to {numbers[-1]}"
        what = f"the labels are {span}, but the semantics describe {len(names)} classes"
        fix = "count the classes from 0 or from 1, in the order of the semantics; each needs rows"
        raise DataError(what, where=_describe(request.labels), fix=fix)
    return replace(rows, classes=tuple(names))


def _check_features(request: Request, rows: Rows, semantics: NDArray[np.float32]) -> Features:
    source = request.features
    assert source is not None
    values = read_features(source, len(rows.labels))
    notes = checks.check_features(values, str(source) if isinstance(source, Path) else "features")
    stem = source.name.partition(".")[0] if isinstance(source, Path) else "features"
    name = request.features_name or re.sub(r"\W", "_", stem) or "features"
    return Features(name, values, notes, content_fingerprint(values, rows.labels, semantics))


def _choose_unseen(request: Request, rows: Rows) -> tuple[str, ...]:
    classes = rows.classes
    if request.unseen is None:
        assert request.unseen_classes is not None
        return sample_classes(classes, request.unseen_classes, request.seed, "unseen", "--unseen-classes")
    if isinstance(request.unseen, Path):
        where, listed = str(request.unseen), read_names(request.unseen)
    else:
        where, listed = "unseen", {compose(str(name).strip()): f"unseen: {name!r}" for name in request.unseen}
    unknown = [name for name in listed if name not in classes]
    if unknown:
        names = ", ".join(shorten([f"{name!r}{suggest(name, classes)}" for name in unknown]))
        what = f"{len(unknown)} of the unseen classes have no {rows.words.missing}: {names}"
        fix = f"write the name of one {rows.words.one} per line"
        raise DataError(what, where=listed[unknown[0]], fix=fix)
    if not 1 <= len(listed) < len(classes):
        what = f"{len(listed)} of {len(classes)} classes are unseen"
        raise DataError(what, where=where, fix=f"list from 1 to {len(classes) - 1} of them")
    return tuple(listed)


def _add_names(table: Table, request: Request, classes: Sequence[str]) -> Table:
    """Name each row: by the table itself, by the list, or by the sorted classes."""
    if request.class_names is not None and table.names is not None:
        what = "the table names its classes itself, and --class-names does too"
        raise DataError(what, where=request.class_names, fix="leave --class-names out")
    names = tuple(read_names(request.class_names)) if request.class_names else table.names or classes
    if len(names) != len(table.values):
        what, where = (
            f"{len(names)} class names for {len(table.values)} rows of semantics",
            request.class_names,
        )
        fix = "list one class for each row, in the rows' order"
        raise DataError(what, where=where or _describe(request.semantics), fix=fix)
    return Table(table.values, tuple(names), table.places)


def _match_semantics(rows: Rows, table: Table, request: Request) -> NDArray[np.float32]:
    """Return ``(C, a)`` semantics in the order of the classes; an error lists all mismatches."""
    assert table.names is not None
    check_unique(zip(table.names, table.places, strict=True))
    problems = list(_find_mismatches(rows, table))
    where = _describe(request.semantics)
    if problems:
        lines = "".join(f"\n    {line}" for line in shorten(problems))
        fix = "give each class a folder with images, and semantics of the same name"
        if request.labels is not None:
            fix = "give each class rows, and semantics of the same name"
        what = f"{rows.words.many} and semantics do not match:{lines}"
        raise DataError(what, where=f"{request.images or _describe(request.labels)} and {where}", fix=fix)
    places = {name: row for row, name in enumerate(table.names)}
    semantics = table.values[[places[name] for name in rows.classes]]
    checks.check_semantics(semantics, rows.classes, where)
    return semantics


def _find_mismatches(rows: Rows, table: Table) -> Iterator[str]:
    assert table.names is not None
    one, missing, known = rows.words.one, rows.words.missing, set(rows.classes)
    without_rows = [name for name in table.names if name not in known]
    without_semantics = [name for name in rows.classes if name not in set(table.names)]
    for name, own in zip(rows.classes, rows.by_class, strict=True):
        if not own:
            yield f"the {one} {name!r} has no {rows.words.row}"
        if name in without_semantics:
            yield f"the {one} {name!r} has no semantics{suggest(name, without_rows)}"
    for name, place in zip(table.names, table.places, strict=True):
        if name in without_rows:
            yield f"{name!r} has semantics ({place}), but no {missing}{suggest(name, without_semantics)}"


def sample_classes(
    names: Sequence[str], number: int, seed: int, purpose: str, option: str
) -> tuple[str, ...]:
    """Return ``number`` of the names, sorted; the choice depends only on names, seed and purpose."""
    if not 1 <= number < len(names):
        what = f"{number} of {len(names)} classes"
        raise ParamError(what, where=option, fix=f"choose from 1 to {len(names) - 1}")
    return tuple(sorted(sorted(names, key=lambda name: stream(seed, STREAM, purpose, name))[:number]))


def partition(
    rows: Rows, unseen: Collection[str], share: float, seed: int, validation: Sequence[str] = ()
) -> Partition:
    """Split rows: all rows of ``unseen`` classes test; of each other class, a share of them.

    Of a seen class with n rows, n·share (rounded) test, but at least one and at most n-1.
    """
    known = list(zip(rows.classes, rows.by_class, strict=True))
    single = [name for name, own in known if len(own) < 2 and name not in unseen]
    if single:
        what = f"{len(single)} seen classes have a single {rows.words.row}, which cannot both train and test"
        fix = f"add another {rows.words.row}, make the class an unseen one, or remove it and its semantics"
        raise DataError(what, where=f"the {rows.words.one} {single[0]!r}", fix=fix)
    parts: dict[str, list[int]] = {part: [] for part in PARTS}
    for name, own in known:
        if name in unseen:
            parts["test_unseen"] += own
            continue
        number = min(max(round(len(own) * share), 1), len(own) - 1)
        order = sorted(own, key=lambda row: stream(seed, STREAM, "test_seen", compose(rows.names[row])))
        parts["test_seen"] += order[:number]
        parts["trainval"] += order[number:]
    split = Split("ps", *(np.array(part, dtype=np.int64) for part in parts.values()))
    return Partition(rows.labels, tuple(sorted(unseen)), tuple(sorted(validation)), split)
