"""A dataset in memory: features, labels, semantics, names and split, with its fingerprint and summary."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.split import Rows, Split

_CHUNK = 4096


@dataclass(frozen=True)
class ValidationHint:
    """What the files say about validation, unchanged: the rows may include test rows.

    Attributes:
        train_rows: Sorted rows of ``train_loc``, from 0; None if the file has no ``train_loc``.
        val_rows: The same of ``val_loc``.
        train_classes: Sorted ids of the classes in trainclasses1.txt; None if there is no such list.
        val_classes: The same of valclasses1.txt.
    """

    train_rows: Rows | None = None
    val_rows: Rows | None = None
    train_classes: NDArray[np.int64] | None = None
    val_classes: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Dataset:
    """One choice of features and semantics of a dataset, already checked.

    Attributes:
        name: For example ``AWA2``.
        features_name: The stem of the feature file, for example ``res101``.
        semantics_name: For example ``att``.
        features: ``(N, d)`` float32, possibly a read-only memory map.
        labels: ``(N,)`` int64 from 0 to C-1.
        semantics: ``(C, a)`` float32, as the file holds it (never normalised silently).
        class_names: C names.
        split: The rows that train and test.
        image_files: N paths as the feature file gives them, or empty.
        files: The sha256 of every file read, by file name.
        content: The ``content_fingerprint``, the same from .mat and from HDF5.
        notes: What a reader should know, for example rows of test_seen inside train_loc.
        validation: What the files say about validation, if anything.
        provenance: How the semantics were computed, if `gzslbench data semantics` did it.
        extraction: How the features were computed, if `gzslbench extract` did it.
    """

    name: str
    features_name: str
    semantics_name: str
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    semantics: NDArray[np.float32]
    class_names: tuple[str, ...]
    split: Split
    content: str
    image_files: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    validation: ValidationHint | None = None
    provenance: Mapping[str, object] = field(default_factory=dict)
    extraction: Mapping[str, object] = field(default_factory=dict)

    @cached_property
    def seen_classes(self) -> NDArray[np.int64]:
        """Sorted ids of the classes with training rows."""
        return np.unique(self.labels[self.split.trainval])

    @cached_property
    def unseen_classes(self) -> NDArray[np.int64]:
        """Sorted ids of the classes of test_unseen."""
        return np.unique(self.labels[self.split.test_unseen])

    @property
    def task_id(self) -> str:
        """Names, and fingerprints of split and content; only numbers with the same id may be compared."""
        split = f"{self.split.name}-{self.split.fingerprint[:8]}-{self.content[:8]}"
        return f"{self.name}/{self.features_name}/{self.semantics_name}/{split}"


def content_fingerprint(features: NDArray[Any], labels: NDArray[Any], semantics: NDArray[Any]) -> str:
    """Return the sha256 of ``(N, d)`` features, ``(N,)`` labels and ``(C, a)`` semantics.

    It does not depend on the file they were read from: it covers, for each array, its name, its shape and
    its rows in order, as little-endian float32 (labels int64).
    """
    digest = hashlib.sha256()
    arrays = {"features": (features, "<f4"), "labels": (labels, "<i8"), "semantics": (semantics, "<f4")}
    for name, (array, dtype) in arrays.items():
        digest.update(f"{name}:{array.shape};".encode())
        for start in range(0, len(array), _CHUNK):  # a memory map is never read into memory as a whole
            digest.update(np.ascontiguousarray(array[start : start + _CHUNK], dtype=dtype).tobytes())
    return digest.hexdigest()


def summarize(dataset: Dataset) -> dict[str, Any]:
    """Return names, sizes, split, fingerprints, notes and provenance of a dataset in plain JSON types."""
    hint = {} if dataset.validation is None else vars(dataset.validation)
    return {
        "name": dataset.name,
        "features": dataset.features_name,
        "semantics": dataset.semantics_name,
        "task": dataset.task_id,
        "images": len(dataset.labels),
        "feature_dimension": dataset.features.shape[1],
        "semantics_dimension": dataset.semantics.shape[1],
        "seen_classes": len(dataset.seen_classes),
        "unseen_classes": len(dataset.unseen_classes),
        "split": {
            "name": dataset.split.name,
            **dataset.split.counts,
            "fingerprint": dataset.split.fingerprint,
        },
        "validation": {name: len(listed) for name, listed in hint.items() if listed is not None},
        "content": dataset.content,
        "files": dict(dataset.files),
        "notes": list(dataset.notes),
        "provenance": dict(dataset.provenance),
        "extraction": dict(dataset.extraction),
    }
