"""Plan and write a dataset: read images and semantics, match their classes, and split them.

No random generator is used, because another version of a library may change its numbers. Instead names are
sorted by the random stream that the seed gives to each name, and the first ones are taken. So an additional
class or image does not change the order of the others.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench._version import VERSION
from gzslbench.computing.seeds import stream
from gzslbench.data import checks
from gzslbench.data.dataset import PARTS, Split
from gzslbench.data.formats.xlsa17 import NAMES, SPLITS, numbered_classes
from gzslbench.errors import DataError, ParamError
from gzslbench.files import atomic_folder, reading, sha256_of, writing
from gzslbench.plugins.registry import plugins
from gzslbench.prepare.building.inputs import (
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
LISTING, HEADER = "listing.csv", ("file", "class")
RECORD, LAYOUT = "build.json", "gzslbench-build"
_TEXT = b"MATLAB 5.0 MAT-file, written by gzslbench".ljust(116)
_ELSEWHERE = "name a folder that does not exist yet, where you may write"


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
        if not re.fullmatch(r"(?!original_)\w[\w-]*", self.semantics_name):
            what = f"semantics cannot have the name {self.semantics_name!r}"
            fix = "use letters, digits, - and _; names that begin with original_ are reserved"
            raise ParamError(what, where="--semantics-name", fix=fix)


@dataclass(frozen=True)
class Partition:
    """The split of images, class after class; ``labels`` are ``(N,)`` from 0, ``validation`` may be empty."""

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
    table = _add_names(read_table(request.semantics, folders), request, folders)
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
        what, where = (
            f"{len(names)} class names for {len(table.values)} rows of semantics",
            request.class_names,
        )
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
    classes: Sequence[ClassFolder],
    unseen: Collection[str],
    share: float,
    seed: int,
    validation: Sequence[str] = (),
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


def check_place(folder: Path, images: Path) -> None:
    """Check the name and the place of the dataset's folder, not its content."""
    with reading(folder, DataError):
        resolved, among, here = folder.resolve(), images.resolve(), Path.cwd().resolve()
    known = {name.casefold(): name for name in plugins().datasets()}
    if resolved == among or among in resolved.parents:
        what, fix = "the dataset would be among its own class folders", "name another folder"
    elif resolved == here or resolved in here.parents:
        what, fix = "this is the current folder, or above it", "name a folder below it, or elsewhere"
    elif resolved.name.casefold() in known:
        what = f"a folder of this name would be taken for the dataset {known[resolved.name.casefold()]}"
        fix = "give it another name: the dataset has the name of its folder"
    else:
        return
    raise DataError(what, where=folder, fix=fix)


def write_build(plan: Plan, folder: Path, *, dry_run: bool = False) -> bool:
    """Write the splits, listing.csv and build.json to ``folder``, unless the same dataset is there already.

    ``dry_run`` only checks the folder. Returns whether the dataset is not there already.
    """
    check_place(folder, plan.request.images)
    with writing(folder, "the dataset cannot be written", DataError, _ELSEWHERE):
        if _is_same(folder, plan):
            return False
        if folder.exists() and any(folder.iterdir()):
            what = "the folder is not empty, and its files are not those of this dataset"
            raise DataError(what, where=folder, fix="name another folder, or remove this one")
        if not dry_run:
            folder = folder.resolve()
            folder.parent.mkdir(parents=True, exist_ok=True)
            with atomic_folder(folder) as scratch:
                for name, content in _file_contents(plan).items():
                    (scratch / name).write_bytes(content)
    return True


def describe(plan: Plan) -> dict[str, Any]:
    """Return what was requested and the result, in plain JSON types."""
    split, unseen = plan.partition.split, set(plan.partition.unseen)
    arguments = {
        name: value if value is None or isinstance(value, (int, float)) else str(value)
        for name, value in asdict(plan.request).items()
    }
    return {
        "layout": LAYOUT,
        "gzslbench": VERSION,
        "arguments": arguments,
        "semantics_sha256": plan.semantics_sha256,
        "semantics_dimension": plan.semantics.shape[1],
        "images": len(plan.partition.labels),
        "split": {**split.counts, "fingerprint": split.fingerprint},
        "seen": [item.name for item in plan.classes if item.name not in unseen],
        "unseen": list(plan.partition.unseen),
        "validation": list(plan.partition.validation),
        "left_out": list(plan.images.left_out),
        "identity": plan.identity,
    }


def _file_contents(plan: Plan) -> dict[str, bytes]:
    """Return the bytes of each file by name; they depend only on the dataset."""
    files = {f"{plan.request.semantics_name}{SPLITS}": _splits_file(plan), LISTING: _listing_file(plan)}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    record = {**describe(plan), "files": hashes}
    return {**files, RECORD: (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()}


def _splits_file(plan: Plan) -> bytes:
    """Return a file of xlsa17 shape; its train_loc and val_loc, both of trainval, give validation classes."""
    from scipy.io import savemat

    parts, names = plan.partition, [item.name for item in plan.classes]
    split = parts.split
    found = {"att": plan.semantics.T, NAMES: np.array(names, dtype=object).reshape(-1, 1)}
    for part in PARTS:
        found[f"{part}_loc"] = _count_from_one(getattr(split, part))
    if parts.validation:
        is_val = np.isin(parts.labels[split.trainval], [names.index(name) for name in parts.validation])
        found["train_loc"] = _count_from_one(split.trainval[~is_val])
        found["val_loc"] = _count_from_one(split.trainval[is_val])
    stream = io.BytesIO()
    savemat(stream, found)
    return _TEXT + stream.getvalue()[len(_TEXT) :]  # instead of the time, which scipy writes there


def _count_from_one(rows: NDArray[np.int64]) -> NDArray[np.int32]:
    return (rows[:, None] + 1).astype(np.int32)


def _listing_file(plan: Plan) -> bytes:
    stream = io.StringIO(newline="")
    rows = [(file, item.name) for item in plan.classes for file in item.files]
    csv.writer(stream, lineterminator="\n").writerows([HEADER, *rows])
    return stream.getvalue().encode()


def _is_same(folder: Path, plan: Plan) -> bool:
    record = read_record(folder)
    return record.get("identity") == plan.identity and all(
        (folder / name).is_file() and sha256_of(folder / name) == sha256
        for name, sha256 in record["files"].items()
    )


def read_record(folder: Path) -> dict[str, Any]:
    """Read the record of an earlier build; return an empty one if there is none."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    is_ours = isinstance(record, dict) and record.get("layout") == LAYOUT
    return record if is_ours and isinstance(record.get("files"), dict) else {}
