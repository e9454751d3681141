"""Labels, split files and class lists for a synthetic folder (real ones if possible), and its features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.dataset import PARTS, evenly_spaced
from gzslbench.data.formats.matfile import read_mat, variables
from gzslbench.data.formats.xlsa17 import RAW, SPLITS, feature_names, read_class_list
from gzslbench.plugins.dataset import Expected

Variables = Mapping[str, NDArray[Any]]

_FIRST = f"att{SPLITS}"
_LOCATIONS = tuple(f"{part}_loc" for part in (*PARTS, "train", "val"))
_CHUNK = 4096
_FACTORS = 16
_SPREAD = 1.0
_NOISE = 0.3
_THRESHOLD = 0.5


@dataclass(frozen=True)
class SplitTemplate:
    """What a folder of xlsa17 shape says about its rows: ``(N,)`` labels from 0, and files by their names.

    ``splits`` are the variables of each ``*_splits.mat``, with row numbers from 1, as in the file.
    """

    labels: NDArray[np.int64]
    splits: Mapping[str, Variables]
    lists: Mapping[str, tuple[str, ...]]

    def class_name(self, label: int) -> str:
        """Return the name of a class, or its number from 1 if the file has no names."""
        names = self.splits[_FIRST].get("allclasses_names")
        return str(label + 1) if names is None else str(names.ravel()[label])


def read_template(folder: Path, expected: Expected, rng: np.random.Generator) -> SplitTemplate | None:
    """Read the split files and class lists of ``folder``; return None if it has no att_splits.mat.

    Labels are those of a feature file in ``folder``, if there is one. Otherwise the rows of each part are
    spread evenly over its classes. The unseen classes are then those of testclasses.txt; without that list,
    as many classes as ``expected`` says are chosen.
    """
    paths = sorted(folder.glob(f"*{SPLITS}"))
    if folder / _FIRST not in paths:
        return None
    splits = {path.name: read_mat(path, variables(path)) for path in paths}
    lists = {path.name: read_class_list(path) for path in sorted(folder.glob("*classes*.txt"))}
    if names := feature_names(folder):
        labels = read_mat(folder / f"{names[0]}.mat", ("labels",))["labels"].ravel().astype(np.int64) - 1
    else:
        labels = _assign_labels(splits, lists, expected.unseen, rng)
    return SplitTemplate(labels, splits, lists)


def generate_template(expected: Expected, rng: np.random.Generator) -> SplitTemplate:
    """Generate random semantics and a random split with the counts of a known dataset.

    About every third seen class is listed for validation. All semantics but the first are random linear
    maps of the first, so that features computed from one kind fit the others.
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
    common: dict[str, NDArray[Any]] = {"allclasses_names": names}
    for part, rows in zip(PARTS, np.split(order, ends[:-1]), strict=True):
        common[f"{part}_loc"] = np.sort(rows)[:, None]
    latent = np.abs(rng.standard_normal((expected.semantics["att"], count)))
    splits = {}
    for name, size in expected.semantics.items():
        if not name.startswith(RAW):
            weights = rng.standard_normal((size, len(latent)))
            matrix = latent if name == "att" else np.abs(weights @ latent)
            splits[f"{name}{SPLITS}"] = {"att": matrix / np.linalg.norm(matrix, axis=0), **common}
    texts = {file: tuple(map(str, listed)) for file, listed in lists.items()}
    return SplitTemplate(_assign_labels(splits, texts, expected.unseen, rng), splits, texts)


def subsample(template: SplitTemplate, scale: float) -> SplitTemplate:
    """Keep about ``scale`` of the rows of each class in each part, but at least two if there are two."""
    labels, first = template.labels, template.splits[_FIRST]
    chosen = []
    for part in PARTS:
        rows = np.sort(_rows(first, f"{part}_loc"))
        for label in np.unique(labels[rows]):
            of_class = rows[labels[rows] == label]
            number = min(max(round(len(of_class) * scale), 2), len(of_class))
            chosen.append(of_class[evenly_spaced(len(of_class), number)])
    rows = np.sort(np.concatenate(chosen))

    def renumber(name: str, value: NDArray[Any]) -> NDArray[Any]:
        if name not in _LOCATIONS:
            return value
        return np.searchsorted(rows, np.intersect1d(value.astype(np.int64) - 1, rows))[:, None] + 1

    splits = {
        file: {name: renumber(name, value) for name, value in found.items()}
        for file, found in template.splits.items()
    }
    return replace(template, labels=labels[rows], splits=splits)


def synthetic_features(template: SplitTemplate, dim: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw non-negative, sparse ``(N, dim)`` float32 features, like those of a network, for a template.

    The center of a class is given by the leading principal components of its semantics. Its images scatter
    around the center in the same few directions, which makes classes hard to tell apart in a high
    dimension. A random linear map, a little noise and a rectifier turn these points into features. Rows are
    drawn in chunks, so that only the result grows with N.
    """
    semantics = np.ascontiguousarray(template.splits[_FIRST]["att"].T, dtype=np.float32)
    labels, centers = template.labels, _class_centers(semantics)
    factors = centers.shape[1]
    weights = rng.standard_normal((factors, dim), dtype=np.float32) / np.float32(np.sqrt(factors))
    features = np.empty((len(labels), dim), dtype=np.float32)
    for start in range(0, len(labels), _CHUNK):
        of_chunk = labels[start : start + _CHUNK]
        scatter = rng.standard_normal((len(of_chunk), factors), dtype=np.float32)
        chunk = (centers[of_chunk] + _SPREAD * scatter) @ weights
        chunk += _NOISE * rng.standard_normal(chunk.shape, dtype=np.float32)
        np.maximum(chunk - _THRESHOLD, 0, out=features[start : start + _CHUNK])
    return features


def _class_centers(semantics: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``(C, k)`` principal components of the standardized semantics, with a mean square of 1."""
    centred = semantics - semantics.mean(axis=0, dtype=np.float64)
    spread = centred.std(axis=0)
    left, values, _ = np.linalg.svd(centred / np.where(spread > 0, spread, 1), full_matrices=False)
    centers = (left * values)[:, :_FACTORS]
    scale = np.sqrt(np.square(centers).mean())
    scaled: NDArray[np.float32] = (centers / (scale if scale > 0 else 1)).astype(np.float32)
    return scaled


def _assign_labels(
    splits: Mapping[str, Variables],
    lists: Mapping[str, tuple[str, ...]],
    unseen_count: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw labels so that no unseen class trains, and val_loc has only classes of valclasses1.txt."""
    first = splits[_FIRST]
    names = [str(name) for name in first["allclasses_names"].ravel()] if "allclasses_names" in first else []
    count = first["att"].shape[1]
    unseen = _class_ids(lists.get("testclasses.txt", ()), names)
    if not len(unseen):
        unseen = evenly_spaced(count, unseen_count)
    seen = np.setdiff1d(np.arange(count), unseen)
    val = np.intersect1d(_class_ids(lists.get("valclasses1.txt", ()), names), seen)
    with_val = [_rows(found, "val_loc") for found in splits.values() if "val_loc" in found]
    val_rows = with_val[0] if with_val and len(val) else np.empty(0, dtype=np.int64)
    labels = np.empty(sum(first[f"{part}_loc"].size for part in PARTS), dtype=np.int64)
    labels[_rows(first, "test_unseen_loc")] = _draw_evenly(unseen, first["test_unseen_loc"].size, rng)
    for part in ("trainval_loc", "test_seen_loc"):
        rows = _rows(first, part)
        is_val = np.isin(rows, val_rows)
        others = np.setdiff1d(seen, val) if is_val.any() else seen
        labels[rows[is_val]] = _draw_evenly(val, int(is_val.sum()), rng)
        labels[rows[~is_val]] = _draw_evenly(others, int((~is_val).sum()), rng)
    return labels


def _draw_evenly(classes: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return ``count`` labels in random order; the numbers of any two classes differ by at most one."""
    return rng.permutation(np.resize(classes, count))


def _rows(found: Variables, name: str) -> NDArray[np.int64]:
    return found[name].ravel().astype(np.int64) - 1


def _class_ids(listed: tuple[str, ...], names: list[str]) -> NDArray[np.int64]:
    return np.array(sorted(names.index(name) for name in listed if name in names), dtype=np.int64)
