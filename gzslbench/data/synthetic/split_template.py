"""Labels, split files and class lists of a synthetic folder: real ones where there are any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.checks import PARTS
from gzslbench.data.formats.class_list import read_class_list
from gzslbench.data.formats.matfile import read_mat, variables
from gzslbench.data.formats.xlsa17 import RAW, SPLITS, feature_names
from gzslbench.data.holdout import evenly_spaced
from gzslbench.plugins.dataset import Expected

Variables = Mapping[str, NDArray[Any]]

_FIRST = f"att{SPLITS}"
_LOCATIONS = tuple(f"{part}_loc" for part in (*PARTS, "train", "val"))


@dataclass(frozen=True)
class Blueprint:
    """What a folder of xlsa17's shape says of its rows.

    Attributes:
        labels: ``(N,)`` from 0.
        splits: The variables of each ``*_splits.mat`` by file name; row numbers from 1, as in the file.
        lists: The class names of each class list by file name.
    """

    labels: NDArray[np.int64]
    splits: Mapping[str, Variables]
    lists: Mapping[str, tuple[str, ...]]

    @property
    def semantics(self) -> NDArray[np.float32]:
        """``(C, a)`` semantics of att_splits.mat."""
        return np.ascontiguousarray(self.splits[_FIRST]["att"].T, dtype=np.float32)

    def class_name(self, label: int) -> str:
        """The name of a class, or its number from 1 where the file names none."""
        names = self.splits[_FIRST].get("allclasses_names")
        return str(label + 1) if names is None else str(names.ravel()[label])


def real_blueprint(folder: Path, expected: Expected, rng: np.random.Generator) -> Blueprint | None:
    """The split files and class lists of ``folder``; None where it has no att_splits.mat.

    Labels are those of a feature file in ``folder``, if there is one. Otherwise the rows of each part are
    dealt out evenly to its classes; which classes are unseen is read from testclasses.txt, and without
    that list as many as ``expected`` has are chosen.
    """
    paths = sorted(folder.glob(f"*{SPLITS}"))
    if folder / _FIRST not in paths:
        return None
    splits = {path.name: read_mat(path, variables(path)) for path in paths}
    lists = {path.name: read_class_list(path) for path in sorted(folder.glob("*classes*.txt"))}
    labels = _published_labels(folder)
    if labels is None:
        labels = _deal_all(splits, lists, expected.unseen, rng)
    return Blueprint(labels, splits, lists)


def made_blueprint(expected: Expected, rng: np.random.Generator) -> Blueprint:
    """Random semantics and a random split with the counts of a known dataset.

    Every third or so of the seen classes is listed for validation; all semantics but the first are random
    linear maps of the first, so that features made of one suit the others.
    """
    count = expected.seen + expected.unseen
    names = np.array([f"class_{number + 1:03d}" for number in range(count)], dtype=object)
    unseen = np.isin(np.arange(count), evenly_spaced(count, expected.unseen))
    val = np.flatnonzero(~unseen)[evenly_spaced(expected.seen, max(expected.seen // 3, 1))]
    lists = {
        "allclasses.txt": names,
        "trainvalclasses.txt": names[~unseen],
        "testclasses.txt": names[unseen],
        "trainclasses1.txt": names[np.setdiff1d(np.flatnonzero(~unseen), val)],
        "valclasses1.txt": names[val],
    }
    order = rng.permutation(expected.rows) + 1
    ends = np.cumsum([expected.counts[part] for part in PARTS])
    shared: dict[str, NDArray[Any]] = {"allclasses_names": names}
    for part, rows in zip(PARTS, np.split(order, ends[:-1]), strict=True):
        shared[f"{part}_loc"] = np.sort(rows)[:, None]
    latent = np.abs(rng.standard_normal((expected.semantics["att"], count)))
    splits = {}
    for name, size in expected.semantics.items():
        if not name.startswith(RAW):
            weights = rng.standard_normal((size, len(latent)))
            matrix = latent if name == "att" else np.abs(weights @ latent)
            splits[f"{name}{SPLITS}"] = {"att": matrix / np.linalg.norm(matrix, axis=0), **shared}
    named = {file: tuple(map(str, listed)) for file, listed in lists.items()}
    return Blueprint(_deal_all(splits, named, expected.unseen, rng), splits, named)


def thin(blueprint: Blueprint, scale: float) -> Blueprint:
    """Keep about ``scale`` of the rows of each class in each part, but two of a class that has as many."""
    labels, first = blueprint.labels, blueprint.splits[_FIRST]
    kept = []
    for part in PARTS:
        rows = np.sort(_rows(first, f"{part}_loc"))
        for label in np.unique(labels[rows]):
            of_class = rows[labels[rows] == label]
            number = min(max(round(len(of_class) * scale), 2), len(of_class))
            kept.append(of_class[evenly_spaced(len(of_class), number)])
    rows = np.sort(np.concatenate(kept))

    def renumber(name: str, value: NDArray[Any]) -> NDArray[Any]:
        if name not in _LOCATIONS:
            return value
        return np.searchsorted(rows, np.intersect1d(value.astype(np.int64) - 1, rows))[:, None] + 1

    splits = {
        file: {name: renumber(name, value) for name, value in found.items()}
        for file, found in blueprint.splits.items()
    }
    return replace(blueprint, labels=labels[rows], splits=splits)


def _deal_all(
    splits: Mapping[str, Variables],
    lists: Mapping[str, tuple[str, ...]],
    unseen_count: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Labels under which no unseen class trains, and val_loc holds the classes of valclasses1.txt alone."""
    first = splits[_FIRST]
    names = [str(name) for name in first["allclasses_names"].ravel()] if "allclasses_names" in first else []
    count = first["att"].shape[1]
    unseen = _numbers(lists.get("testclasses.txt", ()), names)
    if not len(unseen):
        unseen = evenly_spaced(count, unseen_count)
    seen = np.setdiff1d(np.arange(count), unseen)
    val = np.intersect1d(_numbers(lists.get("valclasses1.txt", ()), names), seen)
    located = [_rows(found, "val_loc") for found in splits.values() if "val_loc" in found]
    val_rows = located[0] if located and len(val) else np.empty(0, dtype=np.int64)
    labels = np.empty(sum(first[f"{part}_loc"].size for part in PARTS), dtype=np.int64)
    labels[_rows(first, "test_unseen_loc")] = _deal(unseen, first["test_unseen_loc"].size, rng)
    for part in ("trainval_loc", "test_seen_loc"):
        rows = _rows(first, part)
        is_val = np.isin(rows, val_rows)
        others = np.setdiff1d(seen, val) if is_val.any() else seen
        labels[rows[is_val]] = _deal(val, int(is_val.sum()), rng)
        labels[rows[~is_val]] = _deal(others, int((~is_val).sum()), rng)
    return labels


def _deal(classes: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``count`` labels in random order, each class as often as any other, give or take one."""
    return rng.permutation(np.resize(classes, count))


def _published_labels(folder: Path) -> NDArray[np.int64] | None:
    for name in feature_names(folder):
        labels = read_mat(folder / f"{name}.mat", ("labels",))["labels"]
        return labels.ravel().astype(np.int64) - 1
    return None


def _rows(found: Variables, name: str) -> NDArray[np.int64]:
    return found[name].ravel().astype(np.int64) - 1


def _numbers(listed: tuple[str, ...], names: list[str]) -> NDArray[np.int64]:
    return np.array(sorted(names.index(name) for name in listed if name in names), dtype=np.int64)
