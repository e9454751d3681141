"""Write extracted features as an HDF5 file of a dataset."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.data import checks
from gzslbench.data.catalogue import lock_folder
from gzslbench.data.dataset import Dataset, Split, content_fingerprint
from gzslbench.data.formats import hdf5, xlsa17
from gzslbench.data.formats.hdf5 import Source
from gzslbench.errors import DataError
from gzslbench.prepare.extract.image_list import ImageList
from gzslbench.prepare.importing import check_target

_FIX = "name another file with --out, or move this one away"


def check_features_target(target: Path, provenance: Mapping[str, object]) -> None:
    """Refuse to replace anything but features that were made in exactly the same way."""
    check_target(target)
    matlab = target.with_suffix(".mat")
    if matlab.exists():
        raise DataError("features of this name exist in a .mat file", where=matlab, fix=_FIX)
    if target.exists():
        stored = hdf5.stored_extraction(target) or {}
        wanted = json.loads(json.dumps(provenance))  # tuples become lists, as in the file
        different = [name for name, value in wanted.items() if stored.get(name) != value]
        if different:
            raise DataError(
                f"features of this name exist that differ in: {', '.join(different)}", where=target, fix=_FIX
            )


def is_extracted(target: Path, files: Sequence[str]) -> bool:
    """Return whether ``target`` exists and has a row for each image. Call check_features_target first."""
    if not target.exists():
        return False
    semantics = next(iter(hdf5.stored_semantics(target)))
    return hdf5.open_hdf5(target, semantics).image_files == tuple(files)


def write_features(
    target: Path,
    folder: Path,
    name: str,
    features: NDArray[np.float32],
    image_list: ImageList,
    left_out: Mapping[int, str],
    provenance: Mapping[str, object],
) -> None:
    """Write an HDF5 file with the features and all semantics of the dataset, under the folder's lock.

    Rows in ``left_out``, which says why they have no features, are not written.
    """
    with lock_folder(target.parent):
        read = xlsa17.FeatureFile(target, features, image_list.labels, image_list.files)
        datasets = [
            xlsa17.assemble(folder, name, read, split, (), {}) for split in xlsa17.semantics_names(folder)
        ]
        if left_out:
            datasets = [drop_rows(dataset, left_out) for dataset in datasets]
        _, *others = xlsa17.source_files(folder, target.stem)
        sources = [Source.of(path) for path in others]
        hdf5.write_hdf5(target, datasets, sources, extraction=provenance)


def drop_rows(dataset: Dataset, rows: Mapping[int, str]) -> Dataset:
    """Return the dataset without these rows. Its split is a different one, called ``part``."""
    kept = np.setdiff1d(np.arange(len(dataset.labels)), list(rows))
    new_row = np.full(len(dataset.labels), -1)
    new_row[kept] = np.arange(len(kept))
    parts = (dataset.split.trainval, dataset.split.test_seen, dataset.split.test_unseen)
    features, labels = np.asarray(dataset.features)[kept], dataset.labels[kept]
    note = f"{len(rows)} of {len(dataset.labels)} rows left out: their images cannot be read"
    part = replace(
        dataset,
        features=features,
        labels=labels,
        image_files=tuple(dataset.image_files[row] for row in kept),
        split=Split("part", *(numbers[numbers >= 0] for numbers in (new_row[part] for part in parts))),
        content=content_fingerprint(features, labels, dataset.semantics),
        notes=(*dataset.notes, note),
        validation=None,
    )
    checks.check_dataset(part, "the rows whose images can be read")
    return part
