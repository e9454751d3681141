"""Import MATLAB files to gzslbench's HDF5 format."""

from __future__ import annotations

import os
from pathlib import Path

from gzslbench.data.catalogue import lock_folder
from gzslbench.data.formats import hdf5, xlsa17
from gzslbench.data.formats.hdf5 import Source
from gzslbench.data.formats.hdf5_writer import write_hdf5
from gzslbench.data.load import Place, default_features, find, missing_features
from gzslbench.errors import DataError
from gzslbench.files import check_folder, reading

SUFFIX = ".h5"


def import_dataset(
    name_or_path: str | Path,
    features: str | None = None,
    out: str | Path | None = None,
    root: str | Path | None = None,
) -> Path:
    """Write ``<features>.h5`` with every semantics of the folder to ``out``, and return its path.

    Without ``out`` it is written next to the .mat, where `load_dataset` prefers it.
    """
    place = find(name_or_path, root)
    if not isinstance(place, Place) or not place.path.is_dir():
        raise DataError("nothing to import", where=name_or_path, fix="name a dataset of MATLAB files")
    folder = place.path
    with reading(folder, DataError):
        check_folder(folder, DataError)
        features = features or default_features(place)
        if not (folder / f"{features}.mat").is_file() and hdf5.is_ours(folder / f"{features}{SUFFIX}"):
            what, fix = "these features are in gzslbench's format already", "use the dataset as it is"
            raise DataError(what, where=folder / f"{features}{SUFFIX}", fix=fix)
        if not (folder / f"{features}.mat").is_file():
            raise missing_features(place, features, root)
        target = Path(out) if out is not None else folder / f"{features}{SUFFIX}"
        with lock_folder(target.parent):
            semantics = xlsa17.semantics_names(folder)
            if not semantics:
                where = folder / f"*{xlsa17.SPLITS}"
                raise DataError("no semantics", where=where, fix="put att_splits.mat there")
            check_target(target)
            sources = [Source.of(path) for path in xlsa17.source_files(folder, features)]
            write_hdf5(target, xlsa17.read_folder(folder, place.name, features, semantics), sources)
    return target


def check_target(target: Path) -> None:
    """Raise a DataError unless ``target`` ends in .h5 and is not an existing file of another format."""
    if target.suffix != SUFFIX:
        fix = f"give --out a name that ends in {SUFFIX}"
        raise DataError("the file to write does not end in .h5", where=target, fix=fix)
    if os.path.lexists(target) and not hdf5.is_ours(target):
        what = "the existing file is not of gzslbench's layout, or is damaged; it is left unchanged"
        raise DataError(what, where=target, fix="move it away, or name another file with --out")
