"""A dataset in memory: features, labels, semantics, names and the split of its rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import DataError

Rows = NDArray[np.int64]
PARTS = ("trainval", "test_seen", "test_unseen")
UNKNOWN = "unknown"
"""What is said of the pretraining of features whose files do not tell it."""
FINETUNED = ", fine-tuned on "
"""Between what a network learned from, and the rows of its fine-tuning."""
SAW_VALIDATION = "fine-tuning saw the validation rows"
"""How the note begins that the network behind the features was trained on rows that validation tests on."""
TRAINVAL, FOR_VALIDATION = "trainval", "trainval without validation rows"
"""The rows of a fine-tuning that has seen neither test rows nor unseen classes; the second leaves out what
validation tests on."""
_BLOCK = 1 << 24
"""Bytes of single precision that are read at once."""


@dataclass(frozen=True)
class Split:
    """The rows of ``trainval``, ``test_seen`` and ``test_unseen``: sorted indices from 0.

    ``name`` says how the split was chosen: ``ps`` for the proposed split read from the dataset's files.
    """

    name: str
    trainval: Rows
    test_seen: Rows
    test_unseen: Rows

    def __post_init__(self) -> None:
        for part in PARTS:
            rows = np.asarray(getattr(self, part))
            if rows.size and rows.dtype.kind not in "iu":
                fix = "give whole numbers from 0; those of a mask are np.flatnonzero(mask)"
                raise DataError(f"row numbers of type {rows.dtype}", where=f"split: {part}", fix=fix)
            object.__setattr__(self, part, np.sort(rows.astype(np.int64).ravel()))

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the three sorted vectors: for each its name, its length and little-endian int64."""
        digest = hashlib.sha256()
        for part in PARTS:
            rows: Rows = getattr(self, part)
            digest.update(f"{part}:{len(rows)};".encode())
            digest.update(rows.astype("<i8").tobytes())
        return digest.hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows in each part."""
        return {part: len(getattr(self, part)) for part in PARTS}


def evenly_spaced(count: int, chosen: int) -> NDArray[np.int64]:
    """Return ``chosen`` of the positions 0 to ``count - 1``: the middles of as many equal intervals."""
    return (2 * np.arange(chosen, dtype=np.int64) + 1) * count // (2 * max(chosen, 1))


def hold_out(labels: NDArray[np.int64], rows: Rows, share: float) -> tuple[Rows, Rows]:
    """Split ``rows`` into those that stay and those that are held out, class by class.

    The held-out rows are evenly spaced, so no random number is needed. Of a class with n rows, n·share
    (rounded) are held out, but at least one and at most n-1; of a class with a single row, none. So every
    class keeps a row. ``labels`` are those of all rows. Returns the rows that stay and the held-out rows,
    both sorted.
    """
    rows = np.sort(rows)
    is_held_out = np.zeros(len(rows), dtype=bool)
    for label in np.unique(labels[rows]):
        of_class = np.flatnonzero(labels[rows] == label)
        number = min(max(round(len(of_class) * share), 1), len(of_class) - 1)
        is_held_out[of_class[evenly_spaced(len(of_class), number)]] = True
    return rows[~is_held_out], rows[is_held_out]


@dataclass(frozen=True)
class ValidationHint:
    """What the files say about validation, unchanged: the rows may include test rows.

    Attributes:
        train_rows: Sorted rows of ``train_loc``, from 0; None if the file has no ``train_loc``.
        val_rows: The same of ``val_loc``.
        train_classes: Sorted ids of the classes in trainclasses1.txt; None if there is no such list.
        val_classes: The same of valclasses1.txt.
        val_classes_2: The same of valclasses2.txt, a second choice of validation classes.
        val_classes_3: The same of valclasses3.txt.
    """

    train_rows: Rows | None = None
    val_rows: Rows | None = None
    train_classes: NDArray[np.int64] | None = None
    val_classes: NDArray[np.int64] | None = None
    val_classes_2: NDArray[np.int64] | None = None
    val_classes_3: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Attributes:
    """The a columns of semantics: their names, and ``vectors`` ``(a, w)`` float32 of what they mean."""

    names: tuple[str, ...]
    vectors: NDArray[np.float32]


@dataclass(frozen=True)
class Part:
    """The rows of one part of a split, from 0, with their features ``(n, d)`` and labels ``(n,)``."""

    rows: Rows
    features: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __repr__(self) -> str:
        return f"<{len(self.rows)} rows of {len(np.unique(self.labels))} classes>"


@dataclass(frozen=True, repr=False)
class Dataset:
    """One choice of features and semantics of a dataset, already checked.

    To make one in memory, leave ``content`` empty: ``gzslbench.load`` and ``gzslbench.run`` check the arrays
    and compute it.

    Attributes:
        name: For example ``AWA2``.
        features_name: The stem of the feature file, for example ``res101``.
        semantics_name: For example ``att``.
        features: ``(N, d)`` float32, possibly a read-only memory map.
        labels: ``(N,)`` int64 from 0 to C-1.
        semantics: ``(C, a)`` float32, as in the file (never normalised silently).
        class_names: C names.
        split: The rows that train and test.
        image_files: N paths as the feature file gives them, or empty.
        files: The sha256 of every file read, by file name.
        content: The ``content_fingerprint``, the same from .mat and from HDF5.
        notes: What a reader should know, for example rows of test_seen inside train_loc.
        validation: What the files say about validation, if anything.
        provenance: How the semantics were computed, if `gzslbench data semantics` did it.
        extraction: How the features were computed, if `gzslbench extract` did it.
        pretraining: What the network behind the features learned from, as in ``describe_pretraining``.
        described_classes: C names, of the class that each row of ``semantics`` describes; empty if those are
            ``class_names``. Shuffled semantics take these names along.
        regions: ``(N, R, d)`` float16 or float32 of R places in each image, possibly a memory map; or None.
        regions_content: Their ``fingerprint_regions``; empty: it is computed when it is needed.
        attributes: What the columns of the semantics mean, if a name and a vector of each are known.
    """

    name: str
    features_name: str
    semantics_name: str
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    semantics: NDArray[np.float32]
    class_names: tuple[str, ...]
    split: Split
    content: str = ""
    image_files: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    validation: ValidationHint | None = None
    provenance: Mapping[str, object] = field(default_factory=dict)
    extraction: Mapping[str, object] = field(default_factory=dict)
    pretraining: str = UNKNOWN
    described_classes: tuple[str, ...] = ()
    regions: NDArray[Any] | None = None
    regions_content: str = ""
    attributes: Attributes | None = None

    @cached_property
    def seen_classes(self) -> NDArray[np.int64]:
        """Sorted ids of the classes with training rows."""
        return np.unique(self.labels[self.split.trainval])

    @cached_property
    def unseen_classes(self) -> NDArray[np.int64]:
        """Sorted ids of the classes of test_unseen."""
        return np.unique(self.labels[self.split.test_unseen])

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of all classes; a label is a position in them."""
        return self.class_names

    @cached_property
    def train(self) -> Part:
        """The training rows: ``trainval`` of the split, all of seen classes."""
        return self._part(self.split.trainval)

    @cached_property
    def test_seen(self) -> Part:
        """The test rows of seen classes."""
        return self._part(self.split.test_seen)

    @cached_property
    def test_unseen(self) -> Part:
        """The test rows of unseen classes."""
        return self._part(self.split.test_unseen)

    def _part(self, rows: Rows) -> Part:
        return Part(rows, np.asarray(self.features[rows]), self.labels[rows])

    def __repr__(self) -> str:
        return f"<{self.name}: {', '.join(self._facts().values())}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: sizes of arrays and split."""
        rows = "".join(
            f"<tr><th>{name}</th><td>{escape(what)}</td></tr>" for name, what in self._facts().items()
        )
        return f"<table><caption>{escape(self.name)}</caption>{rows}</table>"

    def _facts(self) -> dict[str, str]:
        width, counts = "x".join(map(str, self.features.shape[1:])), self.split.counts
        return {
            "features": f"{len(self.features)} rows of {width} {self.features_name} features",
            "semantics": f"{self.semantics.shape[-1]} {self.semantics_name} semantics",
            "classes": f"{len(self.seen_classes)} seen and {len(self.unseen_classes)} unseen classes",
            "split": ", ".join(f"{part} {count}" for part, count in counts.items()),
        }

    @cached_property
    def semantics_content(self) -> str:
        """The sha256 of the semantics, row by row as little-endian float32."""
        return hashlib.sha256(self.semantics.astype("<f4").tobytes()).hexdigest()

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
        for block in read_blocks(array, dtype):
            digest.update(block.tobytes())
    return digest.hexdigest()


def join_content(*fingerprints: str) -> str:
    """Return one fingerprint of several."""
    return hashlib.sha256(" ".join(fingerprints).encode()).hexdigest()


def read_blocks(array: NDArray[Any], dtype: str = "<f4") -> Iterator[NDArray[Any]]:
    """Yield the rows of an array in order, converted, in blocks: a large file is never in memory as a whole.

    ``array`` may also be a dataset of h5py. Values that are too large for ``dtype`` become infinite.
    """
    row_size = 4 * int(np.prod(array.shape[1:], dtype=np.int64))
    rows = max(1, _BLOCK // max(row_size, 1))
    for start in range(0, len(array), rows):
        with np.errstate(over="ignore"):
            block = np.ascontiguousarray(array[start : start + rows], dtype=dtype)
        yield block


def finetuning_note(notes: Sequence[str] | None) -> str:
    """Return the note that fine-tuning saw validation rows; empty if there is none."""
    return next((note for note in notes or () if note.startswith(SAW_VALIDATION)), "")


def describe_pretraining(extraction: Mapping[str, object]) -> str:
    """Return what the network learned from, and the rows of its fine-tuning, from how features were made."""
    rows = extraction.get("finetuned")
    return str(extraction.get("pretraining", UNKNOWN)) + (f"{FINETUNED}{rows}" if rows else "")


def summarize(dataset: Dataset) -> dict[str, Any]:
    """Return names, sizes, split, fingerprints, notes and provenance of a dataset in plain JSON types."""
    hint, split = vars(dataset.validation or ValidationHint()), dataset.split
    return {
        "name": dataset.name,
        "features": dataset.features_name,
        "semantics": dataset.semantics_name,
        "task": dataset.task_id,
        "images": len(dataset.labels),
        "feature_dimension": dataset.features.shape[-1],
        "semantics_dimension": dataset.semantics.shape[1],
        "seen_classes": len(dataset.seen_classes),
        "unseen_classes": len(dataset.unseen_classes),
        "split": {"name": split.name, **split.counts, "fingerprint": split.fingerprint},
        "validation": {name: len(listed) for name, listed in hint.items() if listed is not None},
        "content": dataset.content,
        "files": dict(dataset.files),
        "notes": list(dataset.notes),
        "provenance": dict(dataset.provenance),
        "extraction": dict(dataset.extraction),
        "pretraining": dataset.pretraining,
    }
