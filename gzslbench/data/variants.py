"""Datasets derived from another one: cut down to the rows of a split, or with other semantics."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gzslbench.errors import DataError, GzslBenchError, describe

if TYPE_CHECKING:
    from gzslbench.data.dataset import Dataset

SHUFFLED = "-shuffled"
"""Stands between the name of the semantics and the seed that shuffled them."""
UNIT = "-unit"
"""Ends the name of semantics that were scaled to length 1."""
SYNTHETIC = "synthetic data: "
"""Begins the note of a dataset with synthetic features."""
MADE_IN_MEMORY = "made in memory"
"""Begins the note of a dataset whose arrays are not those of files."""


def check_in_memory(dataset: Dataset) -> Dataset:
    """Check the arrays of a dataset that a program made or changed, and fingerprint them as they are now.

    Numbers become float32, and labels int64. A note says so if the arrays are not those that were loaded.

    Raises:
        DataError: The arrays contradict each other, the features are not finite, or a field has another type.
    """
    where = f"the dataset {dataset.name!r} in memory"
    try:
        return _check_in_memory(dataset, where)
    except GzslBenchError:
        raise
    except Exception as error:
        fix = "give arrays, texts and a Split, as in what gzslbench.load returns"
        raise DataError(f"it cannot be read: {describe(error)}", where=where, fix=fix) from error


def _check_in_memory(dataset: Dataset, where: str) -> Dataset:
    import numpy as np

    from gzslbench.data import checks
    from gzslbench.data.dataset import content_fingerprint
    from gzslbench.data.regions import fingerprint_regions

    for name in ("features", "labels", "semantics"):
        checks.refuse_mask(getattr(dataset, name), f"{where}: {name}")
    try:
        if any(np.iscomplexobj(values) for values in (dataset.features, dataset.semantics)):
            raise ValueError("complex numbers")
        if np.any(np.mod(dataset.labels, 1)):
            raise ValueError("labels that are not whole")
        features = np.asanyarray(dataset.features, dtype=np.float32)
        labels = np.asarray(dataset.labels, dtype=np.int64)
        semantics = np.asarray(dataset.semantics, dtype=np.float32)
    except (OverflowError, RuntimeError, TypeError, ValueError) as error:
        fix = "give features and semantics as arrays of numbers, and labels as integers from 0"
        raise DataError(f"its arrays cannot be read: {error}", where=where, fix=fix) from error
    content = content_fingerprint(features, labels, semantics)
    regions = "" if dataset.regions is None else fingerprint_regions(dataset.regions)
    arrays: dict[str, Any] = {"features": features, "labels": labels, "semantics": semantics}
    same = all(getattr(dataset, name) is array for name, array in arrays.items())
    checked = dataset if same else replace(dataset, **arrays)
    if content == dataset.content and dataset.regions_content in ("", regions):
        checks.check_dataset(checked, where)  # the split may be another one
        return checked
    note = f"{MADE_IN_MEMORY}: its arrays are not those of files"
    checked = replace(
        checked,
        class_names=tuple(dataset.class_names),
        content=content,
        regions_content=regions,
        files={},
        notes=(*(known for known in dataset.notes if known != note), note),
    )
    checks.check_dataset(checked, where)
    return replace(checked, notes=checked.notes + checks.check_features(features, where))


def restrict_to_split(dataset: Dataset) -> Dataset:
    """Return a copy of the rows that the split names, and of the classes that those rows have.

    Nothing else is left, so it cannot be read by mistake: of ``validation_dataset``, for example, no test row
    and no semantics of an unseen class. Rows and classes get new numbers, in their old order.
    """
    import numpy as np

    from gzslbench.data.dataset import PARTS, Split, content_fingerprint

    split = dataset.split
    parts = [getattr(split, part) for part in PARTS]
    rows = np.unique(np.concatenate(parts))
    classes = np.unique(dataset.labels[rows])
    features = np.array(dataset.features[rows])
    labels = np.searchsorted(classes, dataset.labels[rows]).astype(np.int64)
    semantics = np.array(dataset.semantics[classes])
    return replace(
        dataset,
        features=features,
        regions=None if dataset.regions is None else np.array(dataset.regions[rows]),
        regions_content="",
        labels=labels,
        semantics=semantics,
        class_names=tuple(dataset.class_names[i] for i in classes),
        described_classes=tuple(dataset.described_classes[i] for i in classes)
        if dataset.described_classes
        else (),
        image_files=tuple(dataset.image_files[i] for i in rows) if dataset.image_files else (),
        split=Split(split.name, *(np.searchsorted(rows, part) for part in parts)),
        content=content_fingerprint(features, labels, semantics),
        validation=None,
    )


def take_features(dataset: Dataset, other: Dataset) -> Dataset:
    """Return ``dataset`` with the features of ``other``, which has the same rows, classes and split.

    Raises:
        DataError: The two have other labels or splits.
    """
    import numpy as np

    from gzslbench.data.dataset import content_fingerprint

    same = np.array_equal(dataset.labels, other.labels) and dataset.image_files == other.image_files
    if not same or dataset.split.fingerprint != other.split.fingerprint:
        what = f"{other.features_name} has other rows or another split than {dataset.features_name}"
        raise DataError(what, where=dataset.name, fix="extract both from the images of one dataset")
    return replace(
        dataset,
        features_name=other.features_name,
        features=other.features,
        content=content_fingerprint(other.features, dataset.labels, dataset.semantics),
        extraction=other.extraction,
        pretraining=other.pretraining,
        regions=other.regions,
        regions_content=other.regions_content,
    )


def scale_semantics(dataset: Dataset) -> Dataset:
    """Scale the semantics of each class to length 1, as f-VAEGAN-D2, TF-VAEGAN and FREE do themselves.

    ``-unit`` is added to their name, in front of the name of attribute vectors: ``att-unit+words``.

    Raises:
        DataError: The semantics of a class are all 0.
    """
    import numpy as np

    from gzslbench.data.attributes import SEPARATOR
    from gzslbench.data.dataset import content_fingerprint

    lengths = np.linalg.norm(dataset.semantics, axis=1, keepdims=True)
    if not lengths.all():
        name = dataset.class_names[int(np.argmin(lengths))]
        fix = f"use them as they are: --semantics {dataset.semantics_name}"
        what = f"the semantics of {name} are all 0: they cannot have length 1"
        raise DataError(what, where=dataset.name, fix=fix)
    semantics = dataset.semantics / lengths
    base, separator, attributes = dataset.semantics_name.partition(SEPARATOR)
    return replace(
        dataset,
        semantics_name=f"{base}{UNIT}{separator}{attributes}",
        semantics=semantics,
        content=content_fingerprint(dataset.features, dataset.labels, semantics),
    )


def shuffle_semantics(dataset: Dataset, seed: int) -> Dataset:
    """Give every class the semantics of another class: a control whose U and T1 must be at chance.

    The semantics move along one random cycle through all classes, so that no class keeps its own.
    ``-shuffled<seed>`` is added to their name, and the content fingerprint is new.

    Raises:
        DataError: There is only one class.
    """
    import numpy as np  # late: lists of stored runs need only SHUFFLED

    from gzslbench.data.dataset import content_fingerprint

    count = len(dataset.semantics)
    if count < 2:
        what = "semantics cannot be shuffled over a single class"
        raise DataError(what, where=dataset.name, fix="use two classes or more")
    order = np.random.default_rng(seed).permutation(count)
    sources = np.empty_like(order)
    sources[order] = np.roll(order, 1)
    semantics = dataset.semantics[sources]
    names = dataset.described_classes or dataset.class_names
    return replace(
        dataset,
        semantics_name=f"{dataset.semantics_name}{SHUFFLED}{seed}",
        semantics=semantics,
        described_classes=tuple(names[i] for i in sources),
        content=content_fingerprint(dataset.features, dataset.labels, semantics),
        notes=(*dataset.notes, f"control: semantics shuffled over the classes, seed {seed}"),
    )
