"""A random split with the counts of a known dataset, and features that fit its semantics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.dataset import PARTS, Rows, evenly_spaced
from gzslbench.data.formats.xlsa17 import RAW
from gzslbench.plugins.dataset import Expected

_CHUNK = 4096
_FACTORS = 16
_SPREAD = 1.0
_NOISE = 0.3
_THRESHOLD = 0.5


@dataclass(frozen=True)
class SplitTemplate:
    """Classes and rows of a synthetic dataset.

    Attributes:
        names: The C class names.
        lists: Class names by the name of a class list.
        semantics: ``(C, a)`` arrays by name, ``att`` among them.
        labels: ``(N,)`` from 0.
        parts: The sorted rows of each part, from 0.
    """

    names: NDArray[np.object_]
    lists: Mapping[str, NDArray[np.object_]]
    semantics: Mapping[str, NDArray[np.float64]]
    labels: NDArray[np.int64]
    parts: Mapping[str, Rows]


def generate_template(expected: Expected, rng: np.random.Generator) -> SplitTemplate:
    """Generate random semantics and a random split with the counts of a known dataset.

    About every third seen class is listed for validation. All semantics but ``att`` are random linear maps
    of ``att``, so that features computed from one kind fit the others.
    """
    count = expected.seen + expected.unseen
    names = np.array([f"class_{number + 1:03d}" for number in range(count)], dtype=object)
    unseen = evenly_spaced(count, expected.unseen)
    seen = np.setdiff1d(np.arange(count), unseen)
    val = seen[evenly_spaced(len(seen), max(len(seen) // 3, 1))]
    lists = {
        "allclasses.txt": names,
        "trainvalclasses.txt": names[seen],
        "testclasses.txt": names[unseen],
        "trainclasses1.txt": names[np.setdiff1d(seen, val)],
        "valclasses1.txt": names[val],
    }
    ends = np.cumsum([expected.counts[part] for part in PARTS])
    rows_of_parts = np.split(rng.permutation(expected.rows), ends[:-1])
    parts = {part: np.sort(rows) for part, rows in zip(PARTS, rows_of_parts, strict=True)}
    latent = np.abs(rng.standard_normal((expected.semantics["att"], count)))
    semantics = {}
    for name, size in expected.semantics.items():
        if not name.startswith(RAW):
            weights = rng.standard_normal((size, len(latent)))
            matrix = latent if name == "att" else np.abs(weights @ latent)
            semantics[name] = (matrix / np.linalg.norm(matrix, axis=0)).T
    labels = np.empty(expected.rows, dtype=np.int64)
    for part, classes in (("test_unseen", unseen), ("trainval", seen), ("test_seen", seen)):
        # Every class gets the same number of rows of a part, or one more.
        labels[parts[part]] = rng.permutation(np.resize(classes, len(parts[part])))
    return SplitTemplate(names, lists, semantics, labels, parts)


def subsample(template: SplitTemplate, scale: float) -> SplitTemplate:
    """Keep about ``scale`` of the rows of each class in each part, but at least two if there are two."""
    labels = template.labels
    kept: dict[str, Rows] = {}
    for part, rows in template.parts.items():
        chosen = []
        for label in np.unique(labels[rows]):
            of_class = rows[labels[rows] == label]
            number = min(max(round(len(of_class) * scale), 2), len(of_class))
            chosen.append(of_class[evenly_spaced(len(of_class), number)])
        kept[part] = np.sort(np.concatenate(chosen))
    rows = np.sort(np.concatenate([*kept.values()]))
    parts = {part: np.searchsorted(rows, of_part) for part, of_part in kept.items()}
    return replace(template, labels=labels[rows], parts=parts)


def synthetic_features(
    semantics: NDArray[np.float32], labels: NDArray[np.int64], dim: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw non-negative, sparse ``(N, dim)`` float32 features, like those of a network.

    The center of a class is given by the leading principal components of its ``(C, a)`` semantics. Its images
    scatter around the center in the same few directions, which makes classes hard to tell apart in a high
    dimension. A random linear map, a little noise and a rectifier turn these points into features. Rows are
    drawn in chunks, so that only the result grows with N.
    """
    centers = _class_centers(semantics)
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
