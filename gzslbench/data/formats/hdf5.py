"""Our own layout: one HDF5 file for each feature file, opened without reading the features.

``/features`` (N, d) float32 in one piece, ``/labels`` from 0, ``/image_files``, and for each semantics a
group ``/semantics/<name>`` with ``values`` (C, a), ``class_names``, the split's rows from 0, what the files
say about validation, the content hash, and ``provenance`` where we made the semantics. It is written only
from a dataset that has passed every check.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.data import checks
from gzslbench.data.dataset import Dataset, ValidationHint
from gzslbench.data.formats.sources import Source
from gzslbench.data.split import Split
from gzslbench.errors import DataError, did_you_mean
from gzslbench.files import atomic_path, check_file, writing

LAYOUT = "gzslbench-dataset"
VERSION = 1
_CHUNK = 1 << 20
_AGAIN = "move it away, and write it again with `gzslbench data import`"
_HINTS = ("train_rows", "val_rows", "train_classes", "val_classes")


def write_hdf5(
    path: Path,
    datasets: Sequence[Dataset],
    sources: Sequence[Source],
    extraction: Mapping[str, object] | None = None,
) -> None:
    """Write one dataset under several semantics; ``path`` appears whole or not at all.

    ``extraction`` is what decided the features, where they were extracted from photographs.

    Raises:
        DataError: The folder cannot be written or is full.
    """
    import h5py

    first, image_files = datasets[0], _encode(datasets[0].image_files)
    each_semantics = sum(64 * len(dataset.labels) + 2 * dataset.semantics.nbytes for dataset in datasets)
    room = first.features.nbytes + image_files.nbytes + each_semantics + _CHUNK
    with _whole_or_not_at_all(path, room) as scratch, h5py.File(scratch, "w") as file:
        file.attrs.update(layout=LAYOUT, version=VERSION, name=first.name, features_name=first.features_name)
        file.attrs["sources"] = json.dumps([asdict(source) for source in sources])
        if extraction is not None:
            file.attrs["extraction"] = json.dumps(extraction)
        file.create_dataset("features", data=np.asarray(first.features, dtype="<f4"))
        file["labels"] = first.labels.astype("<i8")
        file["image_files"] = image_files
        for dataset in datasets:
            _write_semantics(file.create_group(f"semantics/{dataset.semantics_name}"), dataset)


def add_semantics(path: Path, dataset: Dataset, source: Source | None = None) -> None:
    """Put the semantics of ``dataset`` into ``path``, over others of that name, whole or not at all.

    Args:
        path: A file of our layout, with the features and labels of ``dataset``.
        dataset: Under the new semantics.
        source: The file that they can be read from too, to be remembered.

    Raises:
        DataError: The file is not of our layout, or cannot be written.
    """
    import h5py

    sources = stored_sources(path) | ({source.name: source} if source else {})
    room = path.stat().st_size + 64 * len(dataset.labels) + 2 * dataset.semantics.nbytes + _CHUNK
    with _whole_or_not_at_all(path, room) as scratch:
        shutil.copyfile(path, scratch)
        with h5py.File(scratch, "r+") as file:
            groups = file["semantics"]
            if dataset.semantics_name in groups:
                del groups[dataset.semantics_name]
            _write_semantics(groups.create_group(dataset.semantics_name), dataset)
            file.attrs["sources"] = json.dumps([asdict(each) for each in sources.values()])


def open_hdf5(path: Path, semantics: str | None = None) -> Dataset:
    """Open ``path`` with its features memory-mapped, trusting the content hash it holds.

    Without ``semantics``, ``att`` is taken, or the only one there is.

    Raises:
        DataError: No file of this layout, damaged, not to be read, or without these semantics.
    """
    with _opened(path) as file:
        return _read(file, path, semantics)


def stored_semantics(path: Path) -> dict[str, dict[str, object]]:
    """The semantics in ``path`` by name, each with what made it, where we did."""
    with _opened(path) as file:
        return {name: _provenance(group) for name, group in file["semantics"].items()}


def stored_sources(path: Path) -> dict[str, Source]:
    """The files that ``path`` was imported from, by name, as they were then."""
    with _opened(path) as file:
        return {entry["name"]: Source(**entry) for entry in json.loads(file.attrs["sources"])}


def stored_extraction(path: Path) -> dict[str, object] | None:
    """What decided the features in ``path``; None where they were not extracted here."""
    with _opened(path) as file:
        return _extraction(file)


def is_ours(path: Path) -> bool:
    """Whether ``path`` can be opened as our layout."""
    try:
        with _opened(path):
            return True
    except DataError:
        return False


def _write_semantics(group: Any, dataset: Dataset) -> None:
    group.attrs.update(content=dataset.content, split_name=dataset.split.name)
    group.attrs.update(files=json.dumps(dict(dataset.files)), notes=json.dumps(dataset.notes))
    group["values"] = dataset.semantics.astype("<f4")
    group["class_names"] = _encode(dataset.class_names)
    for part in checks.PARTS:
        group[part] = getattr(dataset.split, part).astype("<i8")
    for hint in _HINTS:
        value = getattr(dataset.validation, hint, None)
        if value is not None:
            group[hint] = value.astype("<i8")
    if dataset.provenance:
        group["provenance"] = _encode((json.dumps(dict(dataset.provenance)),))


def _read(file: Any, path: Path, semantics: str | None) -> Dataset:
    group_name = _choose(list(file["semantics"]), semantics, path)
    group = file["semantics"][group_name]
    hints = {hint: group[hint][()].astype(np.int64) for hint in _HINTS if hint in group}
    dataset = Dataset(
        name=file.attrs["name"],
        features_name=file.attrs["features_name"],
        semantics_name=group_name,
        features=_map(file["features"], path),
        labels=file["labels"][()].astype(np.int64),
        semantics=group["values"][()].astype(np.float32),
        class_names=_decode(group["class_names"]),
        split=Split(group.attrs["split_name"], *(group[part][()] for part in checks.PARTS)),
        content=group.attrs["content"],
        image_files=_decode(file["image_files"]),
        files=json.loads(group.attrs["files"]),
        notes=tuple(json.loads(group.attrs["notes"])),
        validation=ValidationHint(**hints) if hints else None,
        provenance=_provenance(group),
        extraction=_extraction(file) or {},
    )
    checks.check_dataset(dataset, str(path))
    return dataset


def _provenance(group: Any) -> dict[str, object]:
    return dict(json.loads(_decode(group["provenance"])[0])) if "provenance" in group else {}


def _extraction(file: Any) -> dict[str, object] | None:
    told = file.attrs.get("extraction")
    return None if told is None else dict(json.loads(told))


def _map(features: Any, path: Path) -> NDArray[np.float32]:
    """The features as a read-only memory map: they lie in one piece, at a known place."""
    offset = features.id.get_offset()
    if offset is None or features.dtype != np.dtype("<f4") or features.ndim != 2:
        raise DataError("features are not one float32 matrix", where=f"{path}: features", fix=_AGAIN)
    return np.memmap(path, dtype="<f4", mode="r", offset=offset, shape=features.shape)


def _choose(there: list[str], semantics: str | None, path: Path) -> str:
    if semantics is None:
        semantics = there[0] if len(there) == 1 else "att"
    if semantics not in there:
        raise DataError(f"no semantics {semantics!r}", where=path, fix=did_you_mean(semantics, there))
    return semantics


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import h5py

    check_file(path, DataError)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise DataError(f"no HDF5 file, or a damaged one: {error}", where=path, fix=_AGAIN) from error
    with file:
        try:
            _check_layout(file.attrs, path)
            yield file
        except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
            raise DataError(f"damaged: {error}", where=path, fix=_AGAIN) from error


def _check_layout(attributes: Any, path: Path) -> None:
    if attributes.get("layout") != LAYOUT:
        raise DataError("an HDF5 file, but not of gzslbench's layout", where=path, fix=_AGAIN)
    version = attributes.get("version")
    if version != VERSION:
        what = f"layout version {version}, but this gzslbench reads version {VERSION}"
        raise DataError(what, where=path, fix=_AGAIN)


@contextlib.contextmanager
def _whole_or_not_at_all(path: Path, room: int) -> Iterator[Path]:
    """A file to write beside ``path``, which takes its place at the end; ``room`` bytes are sure to fit."""
    elsewhere = "name a file in a folder you may write to with --out"
    with writing(path, failure=DataError, elsewhere=elsewhere), atomic_path(path) as scratch:
        with scratch.open("wb") as stream:  # HDF5 crashes if the disk gets full while it writes
            for _ in range(0, room, _CHUNK):
                stream.write(bytes(_CHUNK))
        yield scratch


def _encode(texts: Sequence[str]) -> NDArray[np.bytes_]:
    """UTF-8 of one fixed length, which HDF5 reads many times faster than strings of any length."""
    return np.array([text.encode() for text in texts], dtype=np.bytes_)


def _decode(stored: Any) -> tuple[str, ...]:
    """All of them at once; HDF5 strings of one length hold no NUL but at their end."""
    texts = stored[()].tolist()
    return tuple(b"\0".join(texts).decode().split("\0")) if texts else ()
