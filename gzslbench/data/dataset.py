"""A dataset in memory: features, labels, semantics, names and split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.split import Rows, Split


@dataclass(frozen=True)
class ValidationHint:
    """What the files say about validation, exactly as they say it: the rows may include test rows.

    Attributes:
        train_rows: Sorted rows of ``train_loc``, from 0; None where the file has none.
        val_rows: The same of ``val_loc``.
        train_classes: Sorted ids of the classes of trainclasses1.txt; None where there is no such list.
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
        features_name: For example ``res101``: the feature file's stem.
        semantics_name: For example ``att``.
        features: ``(N, d)`` float32, possibly a read-only memory map.
        labels: ``(N,)`` int64 from 0 to C-1.
        semantics: ``(C, a)`` float32, as the file holds it (never normalised silently).
        class_names: C names.
        split: The rows that train and test.
        image_files: N paths as the feature file gives them, or empty.
        files: sha256 of every file read, by file name.
        content: sha256 of features, labels and semantics, the same from .mat and from HDF5.
        notes: What a reader should know, for example rows of test_seen inside train_loc.
        validation: What the files say about validation, if anything.
        provenance: What made the semantics, where `gzslbench data semantics` did.
        extraction: What made the features, where `gzslbench extract` did.
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
        """What a number on this data may be compared under: names, then split and content fingerprints."""
        split = f"{self.split.name}-{self.split.fingerprint[:8]}-{self.content[:8]}"
        return f"{self.name}/{self.features_name}/{self.semantics_name}/{split}"
