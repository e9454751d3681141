"""Check a dataset before anything is trained on it.

Rows and classes are counted from 0 in memory; messages count from 1, as the files do.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.dataset import PARTS, Attributes, Dataset, Rows, Split, ValidationHint, read_blocks
from gzslbench.errors import DataError
from gzslbench.files import is_path_part

_LONGEST_NAME = 100
_LONGEST_CLASS = 1000
_LONGEST_TEXT = 1 << 20
"""Letters that what is said of a dataset may take; a record has a part of it."""
_ONE_ORDER = (
    "sort allclasses_names, and the columns of att, as the labels count the classes; or move the file away"
)


def check_dataset(dataset: Dataset, where: str) -> None:
    """Check everything but the values of the features, which :func:`check_features` reads."""
    labels, names, split = dataset.labels, dataset.class_names, dataset.split
    check_name(dataset.name, where, _LONGEST_NAME)
    check_name(dataset.features_name, where)
    check_name(dataset.semantics_name, where)
    check_lengths(len(dataset.features), len(labels), len(dataset.image_files), where)
    check_semantics(dataset.semantics, names, f"{where}: semantics {dataset.semantics_name}")
    check_labels(labels, len(dataset.semantics), f"{where}: labels")
    check_split(split, len(labels), f"{where}: split")
    check_classes(split, labels, names, where)
    check_class_folders(names, labels, dataset.image_files, where)
    if dataset.regions is not None:
        check_regions(dataset.regions, len(labels), f"{where}: regions")
    check_metadata(dataset, where)


def check_metadata(dataset: Dataset, where: str) -> None:
    """Check that what records and files keep of a dataset in words can be written as JSON."""
    kinds: dict[str, Any] = dict.fromkeys(("files", "provenance", "extraction"), Mapping)
    kinds |= {"notes": (tuple, list), "validation": (ValidationHint, NoneType)}
    kinds["attributes"] = (Attributes, NoneType)
    for name, kind in kinds.items():
        if not isinstance(value := getattr(dataset, name), kind):
            fix = "see gzslbench.Dataset for the types of its fields"
            raise DataError(f"its {name} are {value!r:.80}", where=where, fix=fix)
    if len(dataset.described_classes) not in (0, len(dataset.class_names)):
        what = f"{len(dataset.described_classes)} described classes, but {len(dataset.class_names)} classes"
        raise DataError(what, where=where, fix="leave described_classes empty, or give one for each class")
    for name in ("files", "notes", "provenance", "extraction", "pretraining"):
        try:
            if len(json.dumps(value := getattr(dataset, name), allow_nan=False)) > _LONGEST_TEXT:
                raise ValueError(f"longer than {_LONGEST_TEXT:,} letters")
        except (TypeError, ValueError) as error:
            fix = "give texts, finite numbers, lists and dicts of Python"
            raise DataError(f"its {name} {value!r:.80}: {error}", where=where, fix=fix) from error


def check_name(name: str, where: str, longest: int = 200) -> None:
    """Check the name of a dataset, of features or of semantics, which becomes a part of names of files."""
    if not is_path_part(name) or len(name) > longest:
        what = f"{name[:longest]!r} is not a name for a dataset, features or semantics"
        fix = f"give it a name of at most {longest} printable characters, no slash, no dot first"
        raise DataError(what, where=where, fix=fix)


def refuse_mask(values: object, what: str) -> None:
    """Raise a DataError if ``values`` are a masked array, whose mask would be lost."""
    if isinstance(values, np.ma.MaskedArray):
        fix = "leave the masked rows out, or fill them: values.filled(...)"
        raise DataError("a masked array has no value where it is masked", where=what, fix=fix)


def check_features(features: NDArray[np.float32], where: str) -> tuple[str, ...]:
    """Check that ``(N, d)`` features are finite and differ between rows; return notes on constant columns.

    Raises:
        DataError: They are empty, some are NaN or infinite, or every column is constant.
    """
    if features.ndim != 2 or not features.size:
        raise DataError(f"features of shape {features.shape}", where=where, fix="store a d x N matrix")
    low = np.full(features.shape[1], np.inf, dtype=np.float32)
    high = -low
    with np.errstate(invalid="ignore"):  # NaN is expected here: it is what this check looks for
        for block in read_blocks(features):
            np.minimum(low, block.min(axis=0), out=low)
            np.maximum(high, block.max(axis=0), out=high)
    damaged = np.flatnonzero(~(np.isfinite(low) & np.isfinite(high)))
    if len(damaged):
        column = int(damaged[0])
        values = np.concatenate([block[:, column] for block in read_blocks(features)])
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        share = f"{len(damaged)} of {features.shape[1]} feature columns contain NaN or infinite values"
        what = f"{share}: feature {column + 1} of image {row + 1} is {features[row, column]}"
        raise DataError(what, where=where, fix="extract the features again, or leave these images out")
    constant = int((low == high).sum())
    if constant == features.shape[1]:
        what = "every feature column is constant: all images have the same features"
        raise DataError(what, where=where, fix="extract the features again")
    return (f"{constant} of {features.shape[1]} feature columns are constant",) if constant else ()


def check_regions(regions: NDArray[Any], rows: int, where: str) -> None:
    """Check type, shape and number of rows; the values are checked where they are computed."""
    if regions.ndim != 3 or regions.dtype not in (np.float16, np.float32) or not regions.size:
        what = f"regions are {regions.dtype} of shape {regions.shape}"
        raise DataError(what, where=where, fix="store (N, R, d) float16 or float32")
    if len(regions) != rows:
        what = f"regions of {len(regions)} images, but features of {rows}"
        raise DataError(what, where=where, fix="extract both together: gzslbench extract --regions")


def check_lengths(features: int, labels: int, image_files: int, where: str) -> None:
    """Check that features, labels and image files (if there are any) have the same number of rows."""
    if labels != features:
        what = f"{features} columns of features, but {labels} labels"
        fix = "features must be d x N and labels N x 1, of the same images in the same order"
        raise DataError(what, where=f"{where}: features, labels", fix=fix)
    if image_files not in (0, features):
        what = f"{features} columns of features, but {image_files} image files"
        fix = "give one image file for each column of features, or leave image_files out"
        raise DataError(what, where=f"{where}: features, image_files", fix=fix)


def check_labels(labels: NDArray[np.int64], classes: int, where: str) -> None:
    """Check that labels are among the ``classes`` with semantics, and that each of these has images."""
    if labels.ndim != 1 or not labels.size:
        raise DataError(f"labels of shape {labels.shape}", where=where, fix="give one label for each image")
    low, high = int(labels.min()) + 1, int(labels.max()) + 1
    if low < 1 or high > classes:
        what = f"labels run from {low} to {high}, but the semantics describe {classes} classes"
        fix = f"labels run from 1 to {classes}; check that features and semantics are of one dataset"
        raise DataError(what, where=where, fix=fix)
    empty = np.flatnonzero(~_mask(labels, classes))
    if len(empty):
        missing = f"{len(empty)} of them have no image (the first is class {empty[0] + 1})"
        what = f"the semantics describe {classes} classes, but {missing}"
        fix = "use the semantics made for these labels: one column of att for each class"
        raise DataError(what, where=where, fix=fix)


def check_semantics(semantics: NDArray[np.float32], names: Sequence[str], where: str) -> None:
    """Check that ``(C, a)`` semantics are finite, no row is zero, and each class has its own name."""
    if semantics.ndim != 2 or not semantics.size:
        raise DataError(f"semantics of shape {semantics.shape}", where=where, fix="store an a x C matrix")
    if len(names) != len(semantics):
        what = f"semantics of {len(semantics)} classes, but {len(names)} class names"
        fix = "give each class a vector of semantics and, in the same order, a name (att, allclasses_names)"
        raise DataError(what, where=where, fix=fix)
    longest = max(names, key=len)
    if len(longest) > _LONGEST_CLASS:
        what = f"the class name {longest[:40]!r}… has {len(longest):,} letters"
        raise DataError(what, where=where, fix=f"shorten it to {_LONGEST_CLASS} letters")
    repeated = [name for name, times in Counter(names).items() if times > 1 or not name.strip()]
    if repeated:
        what = f"class name {repeated[0]!r} is empty or used for several classes"
        raise DataError(what, where=where, fix="give each class one name of its own in allclasses_names")
    for state, bad in (
        ("NaN or infinite", ~np.isfinite(semantics).all(axis=1)),
        ("all zero", ~semantics.any(axis=1)),
    ):
        if bad.any():
            first = int(np.flatnonzero(bad)[0])
            what = f"the semantics of class {first + 1} ({names[first]}) are {state}"
            fix = "correct them or remove the class: it can neither be learned nor recognized"
            raise DataError(what, where=where, fix=fix)


def find_twins(semantics: NDArray[np.float32], names: Sequence[str]) -> tuple[str, ...]:
    """Return a note if classes have the same semantics: only the first of them can be predicted."""
    first: dict[bytes, str] = {}
    pairs = []
    for row, name in zip(semantics, names, strict=True):
        twin = first.setdefault(row.tobytes(), name)
        if twin != name:
            pairs.append(f"{name} and {twin}")
    return (f"the same semantics have: {', '.join(pairs)}",) if pairs else ()


def check_rows(rows: Rows, count: int, where: str) -> None:
    """Check that row numbers are below ``count`` and that none is repeated."""
    if not len(rows):
        raise DataError("no rows", where=where, fix="each part of a split needs rows")
    low, high = int(rows.min()) + 1, int(rows.max()) + 1
    if low < 1 or high > count:
        what = f"row numbers run from {low} to {high}, but there are {count} images"
        fix = f"row numbers must run from 1 to {count}; use the split made for this feature file"
        raise DataError(what, where=where, fix=fix)
    repeats = len(rows) - np.count_nonzero(_mask(rows, count))
    if repeats:
        raise DataError(f"{repeats} row numbers are repeated", where=where, fix="name each row once")


def check_split(split: Split, count: int, where: str) -> None:
    """Check that the three parts contain each of ``count`` rows exactly once."""
    for part in PARTS:
        check_rows(getattr(split, part), count, f"{where}: {part}_loc")
    for one, other in combinations(PARTS, 2):
        common = np.flatnonzero(_mask(getattr(split, one), count) & _mask(getattr(split, other), count))
        if len(common):
            what = f"{one} and {other} share {len(common)} images (the first is {common[0] + 1})"
            fix = "an image either trains or tests: use the published split file"
            raise DataError(what, where=f"{where}: {one}_loc, {other}_loc", fix=fix)
    missing = count - sum(split.counts.values())
    if missing:
        what = f"{missing} of {count} images are in no part of the split"
        fix = "use the split made for this feature file, or remove these images from it"
        raise DataError(what, where=f"{where}: trainval_loc, test_seen_loc, test_unseen_loc", fix=fix)


def check_classes(split: Split, labels: NDArray[np.int64], names: Sequence[str], where: str) -> None:
    """Check that no unseen class trains, and that every class of test_seen does."""
    trained, seen, unseen = (_mask(labels[getattr(split, part)], len(names)) for part in PARTS)
    both = np.flatnonzero(trained & unseen)
    if len(both):
        what = f"{len(both)} classes are both seen and unseen (the first is {names[both[0]]})"
        fix = (
            "the split indexes another row order than this feature file has: put the images\n         "
            "in the order the split was made for (for FLO that is trnid, valid, tstid of\n         "
            "setid.mat one after the other, neither image number nor label order)"
        )
        raise DataError(what, where=f"{where}: trainval_loc, test_unseen_loc, labels", fix=fix)
    untrained = np.flatnonzero(seen & ~trained)
    if len(untrained):
        first = f"(the first is {names[untrained[0]]})"
        what = f"{len(untrained)} classes of test_seen have no training image {first}"
        fix = "use the row order of the split, or move these classes to test_unseen_loc"
        raise DataError(what, where=f"{where}: trainval_loc, test_seen_loc, labels", fix=fix)


def check_class_order(names: Sequence[str], others: Sequence[str], where: str) -> None:
    """Check that two lists of as many classes have one order; they may write a name in two ways."""
    one, two = list(map(_plain, names)), list(map(_plain, others))
    for number, (name, other) in enumerate(zip(one, two, strict=False)):
        if len(one) == len(two) and name != other and (name in two or other in one):
            what = f"class {number + 1} is {names[number]!r} in one list, but {others[number]!r} in the other"
            raise DataError(what, where=where, fix=_ONE_ORDER)


def check_class_folders(
    names: Sequence[str], labels: NDArray[np.int64], image_files: Sequence[str], where: str
) -> None:
    """Check that no class has its images in a folder with the name of another class.

    A folder with images of several classes is not taken for one of a class.
    """
    labels_of: dict[str, set[int]] = {}
    pairs = zip(image_files, labels.tolist(), strict=False)
    for parent, label in {(file.rpartition("/")[0], label) for file, label in pairs}:
        labels_of.setdefault(parent, set()).add(label)
    plain_names = list(map(_plain, names))
    known = set(plain_names)
    for label, parent in sorted(
        (min(found), parent) for parent, found in labels_of.items() if len(found) == 1
    ):
        folder = parent.rpartition("/")[2]
        if _plain(folder) in known and plain_names[label] not in _plain(parent):
            what = (
                f"class {label + 1} is called {names[label]!r}, but its images are in the folder {folder!r}"
            )
            raise DataError(what, where=f"{where}: allclasses_names, image_files", fix=_ONE_ORDER)


def _plain(name: str) -> str:
    """Return the letters and digits of a name, without a number in front as in ``001.Albatross``."""
    return "".join(filter(str.isalnum, re.sub(r"^\d+[\W_]+", "", name).casefold()))


def _mask(ids: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Return for each number from 0 to ``count`` - 1 whether it is among ``ids``."""
    mask = np.zeros(count, dtype=np.bool_)
    mask[ids] = True
    return mask
