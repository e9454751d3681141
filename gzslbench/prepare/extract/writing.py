"""From an array of features to a dataset's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.data import checks
from gzslbench.data.dataset import Dataset, content_fingerprint
from gzslbench.data.formats import hdf5, xlsa17
from gzslbench.data.formats.sources import Source
from gzslbench.data.locate import lock_folder
from gzslbench.data.split import Split
from gzslbench.errors import DataError
from gzslbench.prepare.extract.listings.listing import Listing


def write_features(
    target: Path,
    folder: Path,
    name: str,
    features: NDArray[np.float32],
    listing: Listing,
    left_out: Mapping[int, str],
    provenance: Mapping[str, object],
) -> None:
    """Write an HDF5 file of our layout with every semantics of the dataset's folder.

    No other process writes into the folder of the file meanwhile.

    Args:
        target: The file, whose stem is the name of the features.
        folder: With the splits files of the dataset.
        name: Of the dataset.
        features: ``(N, d)``.
        listing: Of the same rows.
        left_out: By row, why it has no features and no place in the file.
        provenance: What decided the features.

    Raises:
        DataError: Splits and labels contradict each other, or the file cannot be written.
    """
    with lock_folder(target.parent):
        semantics = xlsa17.semantics_names(folder)
        if not semantics:
            raise DataError(
                "no semantics", where=folder / f"*{xlsa17.SPLITS}", fix="put att_splits.mat there"
            )
        read = xlsa17.FeatureFile(target, features, listing.labels, listing.files)
        datasets = [xlsa17.assemble(folder, name, read, each, (), {}) for each in semantics]
        if left_out:
            datasets = [without(dataset, left_out) for dataset in datasets]
        _, *others = xlsa17.source_files(folder, target.stem)
        sources = [Source.of(path) for path in others]
        hdf5.write_hdf5(target, datasets, sources, extraction=provenance)


def without(dataset: Dataset, rows: Mapping[int, str]) -> Dataset:
    """The dataset without these rows: its split is another, and is called ``part``.

    Raises:
        DataError: A part of the split, or all rows of a class, are among them.
    """
    kept = np.setdiff1d(np.arange(len(dataset.labels)), list(rows))
    place = np.full(len(dataset.labels), -1)
    place[kept] = np.arange(len(kept))
    parts = (dataset.split.trainval, dataset.split.test_seen, dataset.split.test_unseen)
    features, labels = np.asarray(dataset.features)[kept], dataset.labels[kept]
    part = replace(
        dataset,
        features=features,
        labels=labels,
        image_files=tuple(dataset.image_files[row] for row in kept),
        split=Split("part", *(found[found >= 0] for found in (place[part] for part in parts))),
        content=content_fingerprint(features, labels, dataset.semantics),
        notes=(*dataset.notes, f"{len(rows)} of {len(dataset.labels)} rows left out: no readable photograph"),
        validation=None,
    )
    checks.check_dataset(part, "the rows whose photographs can be read")
    return part
