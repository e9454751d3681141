"""A dataset cut down to the rows of its split: what is not there cannot be read by mistake."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gzslbench.data.content import content_hash
from gzslbench.data.dataset import Dataset
from gzslbench.data.split import Split


def narrowed(dataset: Dataset) -> Dataset:
    """A copy of the rows that the split names and of the classes that those rows have, and of nothing else.

    Rows and classes are numbered anew, in their old order; ``content`` is that of what is left. So of
    ``validation_dataset`` no row of test_seen or test_unseen is left, and no semantics of an unseen class:
    whatever is computed of it is the same, to the bit, whatever those are.
    """
    split = dataset.split
    rows = np.union1d(np.union1d(split.trainval, split.test_seen), split.test_unseen)
    classes = np.unique(dataset.labels[rows])
    features = np.array(dataset.features[rows])
    labels = np.searchsorted(classes, dataset.labels[rows]).astype(np.int64)
    semantics = np.array(dataset.semantics[classes])
    return replace(
        dataset,
        features=features,
        labels=labels,
        semantics=semantics,
        class_names=tuple(dataset.class_names[i] for i in classes),
        image_files=tuple(dataset.image_files[i] for i in rows) if dataset.image_files else (),
        split=Split(
            split.name,
            *(np.searchsorted(rows, part) for part in (split.trainval, split.test_seen, split.test_unseen)),
        ),
        content=content_hash(features, labels, semantics),
        validation=None,
    )
