"""Datasets: MATLAB files, gzslbench's HDF5 files and class lists."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy.io import savemat

from gzslbench.files import is_path_part
from gzslbench_benchmarks.torture.containers import mutate_hdf5, mutate_mat, mutate_names
from gzslbench_benchmarks.torture.mutations import mutate_bytes, mutate_lines
from gzslbench_benchmarks.torture.readers.reader import Reader, once

CLASSES = tuple(f"{number:03d}.class_{number}" for number in range(10))
UNSEEN, ATTRIBUTES, DIMENSION, ROWS = (2, 5, 8), 6, 12, 8


def draw_dataset() -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw the variables of a feature file and of a file of semantics and a split."""
    random = np.random.default_rng(0)
    semantics = np.abs(random.normal(size=(len(CLASSES), ATTRIBUTES)))
    labels = random.permutation(np.repeat(np.arange(len(CLASSES)), ROWS))
    features = np.abs(semantics[labels] @ random.normal(size=(ATTRIBUTES, DIMENSION)))
    unseen = np.isin(labels, UNSEEN)
    test = [np.flatnonzero(labels == number)[:2] for number in range(len(CLASSES)) if number not in UNSEEN]
    test_seen = np.sort(np.concatenate(test))
    train = np.setdiff1d(np.flatnonzero(~unseen), test_seen)
    rows = {"trainval_loc": train, "test_seen_loc": test_seen, "test_unseen_loc": np.flatnonzero(unseen)}
    files = [f"/data/{CLASSES[label]}/{row}.jpg" for row, label in enumerate(labels)]
    return (
        {"features": features.T, "labels": labels[:, None] + 1.0, "image_files": _cells(files)},
        {"att": semantics.T, "allclasses_names": _cells(CLASSES)}
        | {name: found[:, None] + 1.0 for name, found in rows.items()},
    )


def _cells(texts: Iterable[str]) -> Any:
    return np.array(list(texts), dtype=object)[:, None]


def make_folder(folder: Path, *, version: float = 5, compress: bool = False) -> None:
    """Write a dataset of 80 rows in MATLAB files of a version."""
    for name, values in zip(("res101", "att_splits"), draw_dataset(), strict=True):
        if version == 5:
            savemat(folder / f"{name}.mat", values, do_compression=compress)
        else:
            _write_73(folder / f"{name}.mat", values)
    listed = [name for number, name in enumerate(CLASSES) if number in (0, 3, 6)]
    (folder / "valclasses1.txt").write_text("\n".join(listed) + "\n")


def _write_73(path: Path, values: dict[str, Any]) -> None:
    """Write variables as MATLAB 7.3 does: transposed, cells as references, large arrays in chunks."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in values.items():
            if value.dtype != object:
                stored = file.create_dataset(name, data=value.T, chunks=True, compression="gzip")
                stored.attrs["MATLAB_class"] = np.bytes_("double")
                continue
            cells = file.create_dataset(name, value.T.shape, dtype=h5py.ref_dtype)
            cells.attrs["MATLAB_class"] = np.bytes_("cell")
            for number, text in enumerate(value.ravel()):
                characters = file.create_dataset(
                    f"#refs#/{name}{number}", data=np.array([[ord(c)] for c in text], "<u2")
                )
                characters.attrs["MATLAB_class"] = np.bytes_("char")
                cells[0, number] = characters.ref


@once
def make_hdf5(folder: Path) -> None:
    """Write a dataset in gzslbench's format, with regions and two semantics."""
    from dataclasses import replace

    from gzslbench.data.formats.hdf5 import Source
    from gzslbench.data.formats.hdf5_writer import write_hdf5
    from gzslbench.data.load import load_dataset

    source = folder / "source"
    source.mkdir()
    make_folder(source)
    dataset = load_dataset(source)
    regions = np.random.default_rng(0).random((len(dataset.labels), 3, 4)).astype(np.float16)
    first = replace(dataset, name="tiny", regions=regions)
    write_hdf5(
        folder / "res101.h5",
        [first, replace(first, semantics_name="other", provenance={"encoder": "none"})],
        [Source.of(path) for path in sorted(source.iterdir())],
        {"extractor": "none", "model": "", "regions": {"grid": 2}},
    )
    shutil.rmtree(source)


def _read_dataset(file: Path, name: str | None = None) -> Any:
    from gzslbench.data.load import load_dataset

    dataset = load_dataset(file if name is None else file.parent)
    names = dataset.name, dataset.features_name, dataset.semantics_name
    if not all(map(is_path_part, names)):
        raise AssertionError(f"names that cannot be parts of a path: {names}")
    np.asarray(dataset.features).sum()
    if dataset.regions is not None:
        np.asarray(dataset.regions).sum()
    return dataset.task_id, dataset.class_names, dataset.image_files, dataset.notes


def _read_regions(file: Path) -> Any:
    """Read rows of regions from the file, as a training does."""
    import torch

    from gzslbench.data.load import load_dataset
    from gzslbench.data.region_rows import RegionReader, RegionRows

    dataset = load_dataset(file)
    assert dataset.regions is not None
    found = RegionReader(dataset.regions, "l2", torch.device("cpu")).rows(np.arange(len(dataset.labels)))
    if not isinstance(found, RegionRows):
        raise AssertionError("regions were not left in the file")
    file.write_bytes(file.read_bytes()[:-9])  # it gets shorter while it is open
    return found[:].numpy()


def _read_names(file: Path) -> Any:
    """List what a folder has, and load each of its semantics by name."""
    from gzslbench.data.formats import hdf5
    from gzslbench.data.load import feature_files, load_dataset

    names = feature_files(file.parent)
    stored = hdf5.stored_semantics(file)
    if not all(map(is_path_part, (*names, *stored))):
        raise AssertionError(f"names that cannot be parts of a path: {[*names, *stored]}")
    return names, [load_dataset(file, semantics=name).task_id for name in stored]


def _read_verified(file: Path) -> Any:
    """Return what the fingerprints cover: features, regions, labels and semantics."""
    from gzslbench.data.load import verify_dataset
    from gzslbench.errors import DataError

    dataset, lines = verify_dataset(file)
    if not all(line.agrees for line in lines):
        raise DataError("noticed")
    return dataset.features, dataset.regions, dataset.labels, dataset.semantics


def _read_sources(file: Path) -> Any:
    from gzslbench.data.formats import hdf5
    from gzslbench.data.load import feature_files

    feature_files(file.parent)
    return hdf5.stored_sources(file), hdf5.stored_semantics(file), hdf5.stored_extraction(file)


def _read_class_list(file: Path) -> Any:
    from gzslbench.data.formats.xlsa17 import read_class_list

    return read_class_list(file), _read_dataset(file, "its folder")


_folder = partial(_read_dataset, name="its folder")
_make_73 = partial(make_folder, version=7.3)

READERS = (
    Reader("mat5-features", make_folder, "res101.mat", mutate_bytes, _folder),
    Reader("mat5-splits", make_folder, "att_splits.mat", mutate_bytes, _folder),
    Reader("mat5-compressed", partial(make_folder, compress=True), "res101.mat", mutate_bytes, _folder),
    Reader("mat5-values", make_folder, "att_splits.mat", mutate_mat, _folder),
    Reader("mat73-features", _make_73, "res101.mat", mutate_bytes, _folder, slow=True),
    Reader("mat73-splits", _make_73, "att_splits.mat", mutate_bytes, _folder, slow=True),
    Reader("mat73-values", _make_73, "att_splits.mat", mutate_hdf5, _folder, slow=True),
    Reader("hdf5", make_hdf5, "res101.h5", mutate_bytes, _read_dataset, slow=True),
    Reader("hdf5-values", make_hdf5, "res101.h5", mutate_hdf5, _read_dataset, slow=True),
    Reader("hdf5-sources", make_hdf5, "res101.h5", mutate_bytes, _read_sources, slow=True),
    Reader("hdf5-verified", make_hdf5, "res101.h5", mutate_bytes, _read_verified, guarded=True, slow=True),
    Reader("hdf5-regions", make_hdf5, "res101.h5", mutate_bytes, _read_regions, slow=True),
    Reader("hdf5-names", make_hdf5, "res101.h5", mutate_names, _read_names, slow=True),
    Reader("class-list", make_folder, "valclasses1.txt", mutate_lines, _read_class_list),
)
