"""Write gzslbench's own HDF5 files; ``hdf5`` describes and reads them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.dataset import PARTS, Dataset, read_blocks
from gzslbench.data.formats.apart import CrashError, read_apart
from gzslbench.data.formats.hdf5 import (
    HINTS,
    LAYOUT,
    VERSION,
    Source,
    open_hdf5,
    stored_extraction,
    stored_sources,
)
from gzslbench.data.regions import fingerprint_regions
from gzslbench.errors import DataError
from gzslbench.files import atomic_path, reserve, writing

_CHUNK = 1 << 20
_LONGEST = 60_000
_FAILED = "check the disk, and the file if there was one before, and repeat the command"


def write_hdf5(
    path: Path,
    datasets: Sequence[Dataset],
    sources: Sequence[Source],
    extraction: Mapping[str, object] | None = None,
) -> None:
    """Write datasets that differ only in their semantics to ``path``, atomically.

    ``sources`` are the files that they were read from; ``extraction`` says how the features were extracted
    from images, if they were.

    Raises:
        DataError: The disk is full or fails; then nothing has the name ``path`` that had it not before.
    """
    import h5py

    first, image_files = datasets[0], _encode(datasets[0].image_files)
    semantics_size = sum(64 * len(dataset.labels) + 2 * dataset.semantics.nbytes for dataset in datasets)
    regions = first.regions
    size = 4 * first.features.size + image_files.nbytes + semantics_size + _CHUNK
    size += 0 if regions is None else regions.nbytes
    with _reserved_file(path, size) as scratch:

        def write() -> None:
            with h5py.File(scratch, "w", locking=False) as file:
                file.attrs["version"] = VERSION
                _write_texts(file, layout=LAYOUT, name=first.name, features_name=first.features_name)
                _write_texts(file, sources=json.dumps([asdict(source) for source in sources]))
                if extraction is not None:
                    _write_texts(file, extraction=json.dumps(extraction))
                _write_blocks(file, "features", first.features, "<f4")
                if regions is not None:
                    _write_blocks(file, "regions", regions, regions.dtype.newbyteorder("<").str)
                    content = first.regions_content or fingerprint_regions(regions)
                    _write_texts(file["regions"], content=content)
                file["labels"] = first.labels.astype("<i8")
                file["image_files"] = image_files
                for dataset in datasets:
                    _write_semantics(file.create_group(f"semantics/{dataset.semantics_name}"), dataset)

        _write_apart(scratch, path, write, datasets, sources, extraction)


def _write_blocks(file: Any, name: str, array: NDArray[Any], dtype: str) -> None:
    """Write an array that may be larger than the memory."""
    stored, start = file.create_dataset(name, array.shape, dtype), 0
    for block in read_blocks(array, dtype):
        stored[start : start + len(block)] = block
        start += len(block)


def add_semantics(path: Path, dataset: Dataset, source: Source | None = None) -> None:
    """Add the semantics of ``dataset`` to the file ``path``, atomically; replace semantics of that name.

    The file has the features and labels of ``dataset``; ``source`` is another file with the same semantics.
    """
    import h5py

    sources = stored_sources(path) | ({source.name: source} if source else {})
    size = path.stat().st_size + 64 * len(dataset.labels) + 2 * dataset.semantics.nbytes + _CHUNK
    with _reserved_file(path, size) as scratch:
        shutil.copyfile(path, scratch)

        def add() -> None:
            with h5py.File(scratch, "r+", locking=False) as file:
                groups = file["semantics"]
                if dataset.semantics_name in groups:
                    del groups[dataset.semantics_name]
                _write_semantics(groups.create_group(dataset.semantics_name), dataset)
                _write_texts(file, sources=json.dumps([asdict(entry) for entry in sources.values()]))

        _write_apart(scratch, path, add, [dataset], sources.values(), stored_extraction(path))


def _write_apart(
    scratch: Path,
    path: Path,
    write: Callable[[], None],
    datasets: Sequence[Dataset],
    sources: Iterable[Source],
    extraction: Mapping[str, object] | None,
) -> None:
    """Write the temporary file of ``path`` in a process of its own, and compare it with what it should have.

    HDF5 writes when a file is closed. If the disk fails then, h5py says nothing, or the process dies.
    """
    try:
        read_apart(scratch, write)
        is_whole = stored_sources(scratch) == {source.name: source for source in sources}
        is_whole = is_whole and stored_extraction(scratch) == (extraction and _plain(extraction))
        is_whole = is_whole and all(_are_texts_written(scratch, dataset) for dataset in datasets)
        is_whole = is_whole and _are_arrays_written(scratch, datasets[0])
    except (CrashError, DataError, RuntimeError) as error:
        what = f"it was not written: {error.what if isinstance(error, DataError) else error}"
        raise DataError(what, where=path, fix=_FAILED) from error
    if not is_whole:
        raise DataError("what was written differs from the dataset", where=path, fix=_FAILED)


def _are_texts_written(path: Path, dataset: Dataset) -> bool:
    stored = open_hdf5(path, dataset.semantics_name)
    same = np.array_equal(stored.semantics, dataset.semantics.astype("<f4"))
    return same and _texts_of(stored) == _texts_of(dataset)


def _are_arrays_written(path: Path, dataset: Dataset) -> bool:
    """Compare what all semantics share."""
    stored, regions = open_hdf5(path, dataset.semantics_name), dataset.regions
    if regions is not None:
        content = dataset.regions_content or fingerprint_regions(regions)
        dtype = regions.dtype.newbyteorder("<").str
        if stored.regions is None or stored.regions_content != content:
            return False
        if not _are_equal(stored.regions, regions, dtype):
            return False
    same = np.array_equal(stored.labels, dataset.labels)
    return same and _are_equal(stored.features, dataset.features, "<f4")


def _texts_of(dataset: Dataset) -> Any:
    """Return all that a file has of a dataset, except arrays and what all semantics share."""
    hints = [getattr(dataset.validation, hint, None) for hint in HINTS]
    found: list[Any] = [
        dataset.name,
        dataset.features_name,
        dataset.class_names,
        dataset.image_files,
        dataset.content,
    ]
    found += [dataset.split.name, dataset.split.fingerprint, dataset.notes]
    found += [{**dataset.files}, {**dataset.provenance}]
    return _plain([*found, [None if hint is None else hint.tolist() for hint in hints]])


def _plain(value: Any) -> Any:
    """Return a value as it is read again from JSON: with lists for tuples."""
    return json.loads(json.dumps(value))


def _are_equal(one: NDArray[Any], other: NDArray[Any], dtype: str) -> bool:
    pairs = zip(read_blocks(one, dtype), read_blocks(other, dtype), strict=True)
    return one.shape == other.shape and all(np.array_equal(*pair) for pair in pairs)


def _write_semantics(group: Any, dataset: Dataset) -> None:
    _write_texts(group, content=dataset.content, split_name=dataset.split.name)
    _write_texts(group, files=json.dumps(dict(dataset.files)), notes=json.dumps(dataset.notes))
    group["values"] = dataset.semantics.astype("<f4")
    group["class_names"] = _encode(dataset.class_names)
    for part in PARTS:
        group[part] = getattr(dataset.split, part).astype("<i8")
    for hint in HINTS:
        value = getattr(dataset.validation, hint, None)
        if value is not None:
            group[hint] = value.astype("<i8")
    if dataset.provenance:
        group["provenance"] = _encode((json.dumps(dict(dataset.provenance)),))


@contextmanager
def _reserved_file(path: Path, size: int) -> Iterator[Path]:
    """Yield a temporary file that will replace ``path``, with ``size`` bytes of disk reserved for it."""
    elsewhere = "name a file in a folder you may write to with --out"
    with writing(path, failure=DataError, elsewhere=elsewhere), atomic_path(path) as scratch:
        reserve(scratch, size)
        yield scratch


def _write_texts(place: Any, **texts: str) -> None:
    """Write texts as attributes of a fixed length.

    HDF5 keeps texts of any length in a heap, and reads a damaged heap without end. An attribute takes 64 KiB
    at most, so a longer text goes there all the same.
    """
    for name, text in texts.items():
        encoded = text.encode()
        place.attrs[name] = np.bytes_(encoded) if 0 < len(encoded) <= _LONGEST else text


def _encode(texts: Sequence[str]) -> NDArray[np.bytes_]:
    """Encode texts as UTF-8 of one fixed length, which HDF5 reads many times faster than any length."""
    return np.array([text.encode() for text in texts], dtype=np.bytes_)
