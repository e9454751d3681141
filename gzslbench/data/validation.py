"""Split trainval for validation: some seen classes act as unseen classes, and no test row is used.

The published train_loc and val_loc contain rows of test_seen in most files. So only the classes that they
mean are used, never their rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.dataset import (
    FINETUNED,
    SAW_VALIDATION,
    Dataset,
    Split,
    ValidationHint,
    evenly_spaced,
    finetuning_note,
    hold_out,
)
from gzslbench.errors import DataError

Classes = NDArray[np.int64]

_SHARE = 5


_WITHOUT_VALIDATION = (
    "use --select last --calibrate none; for a preset with early stopping also --set epochs_rule=fixed"
)


def validation_datasets(dataset: Dataset, *, holdout: float = 0.2) -> tuple[Dataset, ...]:
    """Return one validation dataset for each of the lists valclasses1.txt, 2 and 3, or the only one.

    The first is that of ``validation_dataset``. The others are left out unless the first comes from its list,
    and so are those whose rows fine-tuning saw, unless it saw those of each.

    Raises:
        DataError: As for ``validation_dataset``.
    """
    first = validation_dataset(dataset, holdout=holdout)
    hint = dataset.validation or ValidationHint()
    if not _usable(_listed_classes(dataset, hint.val_classes), dataset):
        return (first,)
    others = [_listed_classes(dataset, listed) for listed in (hint.val_classes_2, hint.val_classes_3)]
    found = (
        first,
        *(
            _with_validation_classes(dataset, classes, f"those of valclasses{number}.txt", holdout)
            for number, classes in enumerate(others, start=2)
            if _usable(classes, dataset)
        ),
    )
    return tuple(one for one in found if not finetuning_note(one.notes)) or found


def join_fingerprints(datasets: Sequence[Dataset]) -> str:
    """Return one fingerprint of the splits of ``datasets``; that of the split if there is only one."""
    fingerprints = [dataset.split.fingerprint for dataset in datasets]
    if len(fingerprints) == 1:
        return fingerprints[0]
    return hashlib.sha256(" ".join(fingerprints).encode()).hexdigest()


def validation_dataset(dataset: Dataset, *, holdout: float = 0.2) -> Dataset:
    """Return the same data with the split ``val``, whose three parts together are the dataset's trainval.

    The validation classes are, in this order of preference: the seen classes of the valclasses list; the
    classes with more trainval rows in val_loc than in train_loc; every fifth seen class, evenly spaced by
    class number (at least two; one if there are fewer than four seen classes). A choice that leaves no class
    on one side is skipped. A seen class that the chosen source does not mention trains. All trainval
    rows of the validation classes are the new test_unseen; of each other class, ``holdout`` of the rows,
    evenly spaced, are the new test_seen (none of a class with a single row). A note of the new dataset says
    where the classes come from, and how many test rows train_loc and val_loc contain.

    Raises:
        DataError: Fewer than two seen classes, or no training class with two rows.
    """
    if len(dataset.seen_classes) < 2:
        what = "validation classes cannot be chosen among fewer than two seen classes"
        raise DataError(what, where=f"{dataset.name}: trainval", fix=_WITHOUT_VALIDATION)
    return _with_validation_classes(dataset, *_validation_classes(dataset), holdout)


def _with_validation_classes(dataset: Dataset, classes: Classes, source: str, holdout: float) -> Dataset:
    """Return the dataset whose unseen classes are ``classes``, which come from ``source``."""
    rows = dataset.split.trainval
    unseen = np.isin(dataset.labels[rows], classes)
    train, test_seen = hold_out(dataset.labels, rows[~unseen], holdout)
    if not len(test_seen):
        what = "every training class has a single row, so none can be held out for validation"
        raise DataError(what, where=f"{dataset.name}: trainval", fix=_WITHOUT_VALIDATION)
    chosen = f"validation: {len(classes)} of {len(dataset.seen_classes)} seen classes, {source}"
    split = Split("val", train, test_seen, rows[unseen])
    notes = [*dataset.notes, "; ".join([chosen, *_describe_leaks(dataset)])]
    made = dataset.extraction.get("finetuning")
    left_out = isinstance(made, Mapping) and made["validation_split"] == split.fingerprint
    if FINETUNED in dataset.pretraining and not left_out:
        notes.append(f"{SAW_VALIDATION}, so what they choose suits unseen classes less than it seems")
    return replace(dataset, split=split, notes=tuple(notes), validation=None)


def _validation_classes(dataset: Dataset) -> tuple[Classes, str]:
    """Return the validation classes, and where they come from as text."""
    hint = dataset.validation or ValidationHint()
    for classes, source in (
        (_listed_classes(dataset, hint.val_classes), "those of valclasses1.txt"),
        (_classes_of_rows(dataset, hint), "those with most of their trainval rows in val_loc"),
    ):
        if _usable(classes, dataset):
            return classes, source
    seen = dataset.seen_classes
    number = max(round(len(seen) / _SHARE), 2 if len(seen) >= 4 else 1)
    return seen[evenly_spaced(len(seen), number)], "evenly spaced by class number"


def _usable(classes: Classes, dataset: Dataset) -> bool:
    """Return whether validation with these classes leaves some on both sides."""
    return 0 < len(classes) < len(dataset.seen_classes)


def _listed_classes(dataset: Dataset, listed: Classes | None) -> Classes:
    return np.intersect1d([] if listed is None else listed, dataset.seen_classes).astype(np.int64)


def _classes_of_rows(dataset: Dataset, hint: ValidationHint) -> Classes:
    if hint.train_rows is None or hint.val_rows is None:
        return np.empty(0, dtype=np.int64)
    trainval, count = dataset.split.trainval, len(dataset.class_names)
    in_train, in_val = (
        np.bincount(dataset.labels[np.intersect1d(rows, trainval)], minlength=count)
        for rows in (hint.train_rows, hint.val_rows)
    )
    return np.flatnonzero(in_val > in_train)


def _describe_leaks(dataset: Dataset) -> list[str]:
    """Say how many test rows the published validation rows contain; none of them is used here."""
    hint, split = dataset.validation or ValidationHint(), dataset.split
    return [
        f"{len(np.intersect1d(rows, split.test_seen))} rows of {name} are of test_seen and left out"
        for name, rows in (("train_loc", hint.train_rows), ("val_loc", hint.val_rows))
        if rows is not None
    ]
