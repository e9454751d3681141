"""From MATLAB files to our HDF5 layout."""

from __future__ import annotations

from pathlib import Path

from gzslbench.data.files import hdf5, xlsa17
from gzslbench.data.files.sources import remember
from gzslbench.data.load import Place, default_features, find, missing_features
from gzslbench.errors import DataError


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
        out: The file to write; None writes beside the .mat, where `load_dataset` prefers it.
        root: Folder of the datasets; None takes $GZSLBENCH_DATA, then ./data.

    Raises:
        DataError: Any of the files is missing or damaged, or the target cannot be written.
    """
    place = find(name_or_path, root)
    if not isinstance(place, Place) or not place.path.is_dir():
        raise DataError(
            "nothing to import", where=name_or_path, fix="name a dataset that lies in MATLAB files"
        )
    features = features or default_features(place)
    if not (place.path / f"{features}.mat").is_file():
        raise missing_features(place, features, root)
    semantics = xlsa17.semantics_names(place.path)
    if not semantics:
        raise DataError(
            "no semantics", where=place.path / f"*{xlsa17.SPLITS}", fix="put att_splits.mat there"
        )
    target = Path(out) if out is not None else place.path / f"{features}.h5"
    sources = [remember(path) for path in xlsa17.source_files(place.path, features)]
    hdf5.write_hdf5(target, xlsa17.read_folder(place.path, place.name, features, semantics), sources)
    return target
