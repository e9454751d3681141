"""Read folders of the shape that Xian et al. (TPAMI 2019) publish as xlsa17.

``<features>.mat`` has ``features`` (d x N), ``labels`` (from 1) and ``image_files``;
``<semantics>_splits.mat`` has ``att`` (a x C), ``allclasses_names`` and the split's row numbers (from 1);
semantics that gzslbench computed also have ``gzslbench_provenance``, JSON that tells how. Class lists are
text files with one class name a line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.data import checks
from gzslbench.data.dataset import PARTS, Dataset, Rows, Split, ValidationHint, content_fingerprint
from gzslbench.data.formats.matfile import read_mat, variables
from gzslbench.data.variants import SYNTHETIC
from gzslbench.errors import DataError
from gzslbench.files import reading, sha256_of

SPLITS = "_splits.mat"
RAW = "original_"
PROVENANCE = "gzslbench_provenance"
NAMES = "allclasses_names"
HINTS = ("train_loc", "val_loc")
CLASS_LISTS = ("trainclasses1.txt", "valclasses1.txt", "valclasses2.txt", "valclasses3.txt")
MARKER = "SYNTHETIC.txt"


@dataclass(frozen=True)
class FeatureFile:
    """The content of ``<features>.mat``: ``(N, d)`` features, ``(N,)`` labels from 0, N paths or none."""

    path: Path
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    image_files: tuple[str, ...]


@dataclass(frozen=True)
class SplitsFile:
    """The content of ``<semantics>_splits.mat``: ``(C, a)`` semantics, C names, rows from 0, provenance."""

    path: Path
    semantics: NDArray[np.float32]
    class_names: tuple[str, ...]
    split: Split
    train_rows: Rows | None
    val_rows: Rows | None
    provenance: Mapping[str, object]


def feature_names(folder: Path) -> list[str]:
    """Return the stems of the feature files in ``folder``: .mat files with features and labels."""
    others = (path for path in sorted(folder.glob("*.mat")) if not path.name.endswith(SPLITS))
    return [path.stem for path in others if {"features", "labels"} <= variables(path)]


def semantics_names(folder: Path) -> list[str]:
    """Return the semantics in ``folder``: ``x`` for att in x_splits.mat, ``original_x`` for original_att."""
    names = []
    for path in sorted(folder.glob(f"*{SPLITS}")):
        name = path.name.removesuffix(SPLITS)
        names += [name, RAW + name] if "original_att" in variables(path) else [name]
    return names


def source_files(folder: Path, features: str) -> list[Path]:
    """Return every file of ``folder`` that a dataset with these features is read from."""
    lists = [folder / name for name in CLASS_LISTS if (folder / name).is_file()]
    return [folder / f"{features}.mat", *sorted(folder.glob(f"*{SPLITS}")), *lists]


def splits_path(folder: Path, semantics: str) -> tuple[Path, str]:
    """Return the file that has ``semantics``, and the field in it."""
    path = folder / f"{semantics}{SPLITS}"
    if not path.is_file() and semantics.startswith(RAW):
        return folder / f"{semantics.removeprefix(RAW)}{SPLITS}", "original_att"
    return path, "att"


def read_folder(folder: Path, name: str, features: str, semantics: Sequence[str]) -> list[Dataset]:
    """Read and check a dataset for each of ``semantics``; all of them use the same features array."""
    read = read_features(folder / f"{features}.mat")
    notes = checks.check_features(read.features, f"{read.path}: features")
    marker = folder / MARKER
    if marker.is_file():  # the features are synthetic, not extracted: the file says how they were drawn
        notes += (SYNTHETIC + marker.read_text(encoding="utf-8", errors="replace").strip(),)
    hashes = {read.path.name: sha256_of(read.path)}
    return [assemble(folder, name, read, semantics_name, notes, hashes) for semantics_name in semantics]


def read_features(path: Path) -> FeatureFile:
    """Read ``<features>.mat`` and check that its arrays have the same length."""
    found = read_mat(path, ("features", "labels", "image_files"), texts=("image_files",))
    _require(found, ("features", "labels"), path)
    with np.errstate(over="ignore"):  # values too large for float32 become infinite, which a check reports
        features = np.ascontiguousarray(_matrix(found["features"], f"{path}: features").T, dtype=np.float32)
    labels = _whole_numbers(found["labels"], f"{path}: labels") - 1
    image_files = tuple(found.get("image_files", ()))
    checks.check_lengths(len(features), len(labels), len(image_files), str(path))
    return FeatureFile(path, features, labels, image_files)


def read_splits(folder: Path, semantics: str) -> SplitsFile:
    """Read the semantics called ``semantics`` and the split stored with them.

    FLO's file has no class names; the classes are then called ``class 1`` and so on.
    """
    path, field = splits_path(folder, semantics)
    parts = [f"{part}_loc" for part in PARTS]
    found = read_mat(path, (field, NAMES, PROVENANCE, *parts, *HINTS), texts=(NAMES, PROVENANCE))
    _require(found, (field, *parts), path)
    matrix = np.ascontiguousarray(_matrix(found[field], f"{path}: {field}").T, dtype=np.float32)
    names = found.get(NAMES, [f"class {number + 1}" for number in range(len(matrix))])
    rows = {
        key: np.sort(_whole_numbers(found[key], f"{path}: {key}") - 1)
        for key in (*parts, *HINTS)
        if key in found and not (key in HINTS and found[key].size == 0)  # MATLAB's [] stands for nothing
    }
    split = Split("ps", *(rows[part] for part in parts))
    train, val = (rows.get(hint) for hint in HINTS)
    return SplitsFile(path, matrix, tuple(names), split, train, val, read_provenance(found, path))


def _read_names(path: Path) -> Sequence[str]:
    """Return the class names of a splits file; none if it has none, or is damaged, which its use reports."""
    try:
        return tuple(read_mat(path, (NAMES,), texts=(NAMES,)).get(NAMES, ()))
    except DataError:
        return ()


def read_provenance(found: Mapping[str, NDArray[Any]], path: Path) -> dict[str, object]:
    """Return what a splits file says about how its semantics were computed; empty if it says nothing."""
    if PROVENANCE not in found:
        return {}
    try:
        return dict(json.loads("".join(found[PROVENANCE])))
    except (TypeError, ValueError, RecursionError) as error:
        fix = "write the semantics again with `gzslbench data semantics`"
        raise DataError(f"damaged: {error}", where=f"{path}: {PROVENANCE}", fix=fix) from error


def assemble(
    folder: Path,
    name: str,
    read: FeatureFile,
    semantics: str,
    notes: tuple[str, ...],
    hashes: Mapping[str, str],
) -> Dataset:
    """Return the dataset of features that were read and of the semantics and split in ``folder``.

    ``notes`` are about the features; ``hashes`` are the sha256 of the files that they were read from.
    """
    splits = read_splits(folder, semantics)
    field = splits_path(folder, semantics)[1]
    checks.check_semantics(splits.semantics, splits.class_names, f"{splits.path}: {field}")
    checks.check_labels(read.labels, len(splits.semantics), f"{read.path}: labels; {splits.path}: {field}")
    checks.check_split(splits.split, len(read.labels), str(splits.path))
    both = f"{splits.path} with {read.path.name}"
    checks.check_classes(splits.split, read.labels, splits.class_names, both)
    checks.check_class_folders(splits.class_names, read.labels, read.image_files, both)
    for other in sorted({*folder.glob(f"*{SPLITS}")} - {splits.path}):
        checks.check_class_order(
            splits.class_names, _read_names(other), f"{splits.path} and {other}: {NAMES}"
        )
    hint = _read_hint(folder, splits, len(read.labels))
    lists = [folder / file for file in CLASS_LISTS if (folder / file).is_file()]
    return Dataset(
        name=name,
        features_name=read.path.stem,
        semantics_name=semantics,
        features=read.features,
        labels=read.labels,
        semantics=splits.semantics,
        class_names=splits.class_names,
        split=splits.split,
        content=content_fingerprint(read.features, read.labels, splits.semantics),
        image_files=read.image_files,
        files={**hashes} | {path.name: sha256_of(path) for path in (splits.path, *lists)},
        notes=(*notes, *_leaks(hint, splits.split), *checks.find_twins(splits.semantics, splits.class_names)),
        validation=hint,
        provenance=splits.provenance,
    )


def read_class_list(path: Path) -> tuple[str, ...]:
    """Read the names of a class list in their order, without empty lines."""
    return tuple(name for _, name in numbered_classes(path))


def numbered_classes(path: Path) -> list[tuple[int, str]]:
    """Read the names of a class list together with their line numbers, which count from 1."""
    lines = enumerate(read_utf8(path).splitlines(), start=1)
    return [(number, line.strip()) for number, line in lines if line.strip()]


def read_utf8(path: Path) -> str:
    """Read a text file; an error names the first line that is not UTF-8."""
    with reading(path, DataError):
        content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError("not UTF-8", where=f"{path}: line {line}", fix="save it as UTF-8") from error


def _leaks(hint: ValidationHint | None, split: Split) -> list[str]:
    """Say how many test rows the published validation rows contain."""
    hint = hint or ValidationHint()
    notes = []
    for field, rows in (("train_loc", hint.train_rows), ("val_loc", hint.val_rows)):
        if rows is not None:
            seen, unseen = (len(np.intersect1d(rows, part)) for part in (split.test_seen, split.test_unseen))
            notes.append(f"{field} contains {seen} rows of test_seen and {unseen} of test_unseen")
    return notes


def _read_hint(folder: Path, splits: SplitsFile, count: int) -> ValidationHint | None:
    for field, rows in (("train_loc", splits.train_rows), ("val_loc", splits.val_rows)):
        if rows is not None:
            checks.check_rows(rows, count, f"{splits.path}: {field}")
    listed = (_read_class_ids(folder / file, splits.class_names) for file in CLASS_LISTS)
    hints = (splits.train_rows, splits.val_rows, *listed)
    return None if all(hint is None for hint in hints) else ValidationHint(*hints)


def _read_class_ids(path: Path, names: Sequence[str]) -> NDArray[np.int64] | None:
    if not path.is_file():
        return None
    listed = read_class_list(path)
    unknown = [name for name in listed if name not in names]
    if unknown:
        what = f"{unknown[0]!r} is not a class of this dataset"
        raise DataError(what, where=path, fix="write one name of allclasses_names a line, or remove the list")
    return np.array(sorted(names.index(name) for name in set(listed)), dtype=np.int64)


def _require(found: Mapping[str, Any], wanted: Sequence[str], path: Path) -> None:
    missing = [key for key in wanted if key not in found]
    if missing:
        fix = f"the file needs {', '.join(wanted)}; of these it has {', '.join(sorted(found)) or 'none'}"
        raise DataError(f"{missing[0]!r} is missing", where=path, fix=fix)


def _matrix(value: NDArray[Any], where: str) -> NDArray[Any]:
    if value.dtype.kind not in "fiu" or value.ndim != 2:
        what = f"expected a matrix of numbers, found {value.dtype} of shape {value.shape}"
        fix = "store a numeric matrix of two dimensions, one column for each image or class"
        raise DataError(what, where=where, fix=fix)
    return value


def _whole_numbers(value: NDArray[Any], where: str) -> NDArray[np.int64]:
    numbers = _matrix(value, where).ravel()
    if not np.isfinite(numbers).all() or (numbers != np.floor(numbers)).any():
        raise DataError("not all are whole numbers", where=where, fix="store whole numbers that count from 1")
    if not len(numbers):
        raise DataError("it is empty", where=where, fix="store whole numbers that count from 1")
    return numbers.astype(np.int64)
