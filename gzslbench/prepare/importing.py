"""From MATLAB files to our HDF5 layout."""

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
        name_or_path: A known dataset of files, or a folder of xlsa17 shape.
        features: Stem of the feature file; None takes the dataset's default.
        out: The file to write, which ends in .h5; None writes beside the .mat, where `load_dataset` prefers
            it. Of the files that may be there already, only one of our layout is replaced.
        root: Folder of the datasets; None takes $GZSLBENCH_DATA, then ./data.

    Raises:
        DataError: Any of the files is missing, not to be read or damaged, or the target is a file of
            another kind or cannot be written.
    """
    place = find(name_or_path, root)
    if not isinstance(place, Place) or not place.path.is_dir():
        raise DataError(
            "nothing to import", where=name_or_path, fix="name a dataset that lies in MATLAB files"
        )
    with reading(place.path, DataError):
        return _import(place, features, out, root)


def _import(place: Place, features: str | None, out: str | Path | None, root: str | Path | None) -> Path:
    check_folder(place.path, DataError)
    features = features or default_features(place)
    if not (place.path / f"{features}.mat").is_file():
        raise missing_features(place, features, root)
    target = Path(out) if out is not None else place.path / f"{features}{SUFFIX}"
    with lock_folder(target.parent):
        semantics = xlsa17.semantics_names(place.path)
        if not semantics:
            raise DataError(
                "no semantics", where=place.path / f"*{xlsa17.SPLITS}", fix="put att_splits.mat there"
            )
        check_target(target)
        sources = [Source.of(path) for path in xlsa17.source_files(place.path, features)]
        hdf5.write_hdf5(target, xlsa17.read_folder(place.path, place.name, features, semantics), sources)
    return target


def check_target(target: Path) -> None:
    """Refuse a file to write that is no .h5 file, or that something else than our layout lies in.

    Raises:
        DataError: It is, or does.
    """
    if target.suffix != SUFFIX:
        raise DataError(
            "the file to write is no .h5 file", where=target, fix=f"give --out a name that ends in {SUFFIX}"
        )
    if os.path.lexists(target) and not hdf5.is_ours(target):
        raise DataError(
            "what is there is not of gzslbench's layout, or damaged, and is left as it is",
            where=target,
            fix="move it away, or name another file with --out",
        )
