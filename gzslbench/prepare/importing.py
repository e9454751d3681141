"""Import MATLAB files to gzslbench's HDF5 format."""

from __future__ import annotations

import os
from pathlib import Path

from gzslbench.data.formats import hdf5, xlsa17
from gzslbench.data.formats.sources import Source
from gzslbench.data.load import Place, default_features, find, missing_features
from gzslbench.data.locate import lock_folder
from gzslbench.errors import DataError
from gzslbench.files import check_folder, reading

SUFFIX = ".h5"


def import_dataset(
    name_or_path: str | Path,
    features: str | None = None,
    out: str | Path | None = None,
    root: str | Path | None = None,
) -> Path:
    """Write ``<features>.h5`` with every semantics of the folder, and return its path.

    Args:
        name_or_path: A known dataset in files, or a folder of xlsa17 shape.
        features: Stem of the feature file; None takes the dataset's default.
        out: The file to write, which ends in .h5; None writes next to the .mat, where `load_dataset` prefers
            it. An existing file is replaced only if it has gzslbench's format.
        root: Folder of the datasets; None takes $GZSLBENCH_DATA, then ./data.

    Raises:
        DataError: A file is missing, unreadable or damaged, or the target has another format or cannot be
            written.
    """
    place = find(name_or_path, root)
    if not isinstance(place, Place) or not place.path.is_dir():
        raise DataError("nothing to import", where=name_or_path, fix="name a dataset of MATLAB files")
    with reading(place.path, DataError):
        check_folder(place.path, DataError)
        features = features or default_features(place)
        if not (place.path / f"{features}.mat").is_file():
            raise missing_features(place, features, root)
        target = Path(out) if out is not None else place.path / f"{features}{SUFFIX}"
        with lock_folder(target.parent):
            semantics = xlsa17.semantics_names(place.path)
            if not semantics:
                where = place.path / f"*{xlsa17.SPLITS}"
                raise DataError("no semantics", where=where, fix="put att_splits.mat there")
            check_target(target)
            sources = [Source.of(path) for path in xlsa17.source_files(place.path, features)]
            datasets = xlsa17.read_folder(place.path, place.name, features, semantics)
            hdf5.write_hdf5(target, datasets, sources)
    return target


def check_target(target: Path) -> None:
    """Raise a DataError unless ``target`` ends in .h5 and is not an existing file of another format."""
    if target.suffix != SUFFIX:
        raise DataError(
            "the file to write does not end in .h5",
            where=target,
            fix=f"give --out a name that ends in {SUFFIX}",
        )
    if os.path.lexists(target) and not hdf5.is_ours(target):
        raise DataError(
            "the existing file is not of gzslbench's layout, or is damaged; it is left unchanged",
            where=target,
            fix="move it away, or name another file with --out",
        )
