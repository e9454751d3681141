"""gzslbench's own format: an HDF5 file for each feature file, opened without reading the features.

``/features`` (N, d) float32 in one piece, ``/regions`` (N, R, d) float16 or float32 in one piece if there are
any, ``/labels`` from 0, ``/image_files``, and for each semantics a
group ``/semantics/<name>`` with ``values`` (C, a), ``class_names``, the split's rows from 0, what the files
say about validation, the content fingerprint, and ``provenance`` if gzslbench computed the semantics. Only a
dataset that passed every check is written.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from gzslbench.data import checks
from gzslbench.data.dataset import PARTS, Dataset, Split, ValidationHint, describe_pretraining, read_blocks
from gzslbench.data.formats.apart import CrashError, read_apart
from gzslbench.data.regions import fingerprint_regions
from gzslbench.errors import DataError, did_you_mean
from gzslbench.files import atomic_path, check_file, reserve, sha256_of, writing

LAYOUT = "gzslbench-dataset"
VERSION = 1
T = TypeVar("T")
_DAMAGE = (AttributeError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)
_SECONDS = 5
"""The most processor time that reading all but the features may take; it takes a twentieth of a second."""
_CHUNK = 1 << 20
_LONGEST = 60_000
_AGAIN = "move it away, and write it again with `gzslbench data import`"
_FAILED = "check the disk, and the file if there was one before, and repeat the command"
_harmless = set[tuple[int, ...]]()
"""The states of files that a process of its own has read to the end."""
_HINTS = tuple(field.name for field in fields(ValidationHint))


@dataclass(frozen=True)
class Source:
    """A file as it was when it was read; ``modified`` is in nanoseconds since 1970."""

    name: str
    size: int
    modified: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Source:
        """Describe the file at ``path`` as it is now."""
        found = path.stat()
        return cls(path.name, found.st_size, found.st_mtime_ns, sha256_of(path))

    def matches(self, path: Path) -> bool:
        """Return whether ``path`` has the same bytes; they are read only if the times differ."""
        found = path.stat()
        if found.st_size != self.size:
            return False
        return found.st_mtime_ns == self.modified or sha256_of(path) == self.sha256


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

        _write_apart(scratch, path, write, datasets)


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

        _write_apart(scratch, path, add, [dataset])


def open_hdf5(path: Path, semantics: str | None = None) -> Dataset:
    """Open ``path`` with its features memory-mapped, and trust the content fingerprint stored in it.

    Without ``semantics``, ``att`` is taken, or the only semantics in the file.
    """
    parts, features, regions, names = _open(path, lambda file: _read(file, path, semantics))
    with _explaining(path):
        parts["image_files"] = _decode(parts["image_files"])
        dataset = Dataset(
            **parts, features=features.map(path), regions=None if regions is None else regions.map(path)
        )
        checks.check_dataset(dataset, str(path))
    for other, listed in names.items():
        where = f"{path}: {dataset.semantics_name} and {other}"
        checks.check_class_order(dataset.class_names, listed, where)
    return dataset


def stored_semantics(path: Path) -> dict[str, dict[str, object]]:
    """Return the provenance of each semantics in ``path``, by name; empty if gzslbench did not compute it."""
    found = _open(path, lambda file: {name: _read_provenance(file, name) for name in _names(file)})
    with _explaining(path):
        return {name: _parse_object(text) or {} for name, text in found.items()}


def stored_sources(path: Path) -> dict[str, Source]:
    """Return the files that ``path`` was imported from, by name, as they were then."""
    text = _open(path, lambda file: _read_text(file, "sources", ""))
    with _explaining(path):
        return {source.name: source for source in msgspec.json.decode(text, type=list[Source])}


def stored_extraction(path: Path) -> dict[str, object] | None:
    """Return how the features in ``path`` were extracted; None if gzslbench did not extract them."""
    with _explaining(path):
        return _parse_object(_open(path, lambda file: _read_text(file, "extraction", "")))


def is_ours(path: Path) -> bool:
    """Return whether ``path`` can be opened as a file of this format."""
    with suppress(DataError):
        return _open(path, bool)
    return False


def _parse_object(text: str) -> dict[str, object] | None:
    return dict(json.loads(text)) if text else None


def _write_apart(scratch: Path, path: Path, write: Callable[[], None], datasets: Sequence[Dataset]) -> None:
    """Write the temporary file of ``path`` in a process of its own, and compare it with the datasets.

    HDF5 writes when a file is closed. If the disk fails then, h5py says nothing, or the process dies.
    """
    try:
        read_apart(scratch, write)
        differ = next((dataset for dataset in datasets if not _is_written(scratch, dataset)), None)
    except (CrashError, DataError, RuntimeError) as error:
        what = f"it was not written: {error.what if isinstance(error, DataError) else error}"
        raise DataError(what, where=path, fix=_FAILED) from error
    if differ is not None:
        what = f"what was written differs from the dataset, in {differ.semantics_name}"
        raise DataError(what, where=path, fix=_FAILED)


def _is_written(path: Path, dataset: Dataset) -> bool:
    stored = open_hdf5(path, dataset.semantics_name)
    arrays: list[tuple[NDArray[Any], NDArray[Any], str]] = [
        (stored.labels, dataset.labels, "<i8"),
        (stored.semantics, dataset.semantics, "<f4"),
    ]
    arrays.append((stored.features, dataset.features, "<f4"))
    if dataset.regions is not None and stored.regions is not None:
        arrays.append((stored.regions, dataset.regions, dataset.regions.dtype.newbyteorder("<").str))
    return (
        (stored.class_names, stored.image_files) == (tuple(dataset.class_names), tuple(dataset.image_files))
        and (stored.content, stored.split.fingerprint) == (dataset.content, dataset.split.fingerprint)
        and all(_are_equal(*pair) for pair in arrays)
    )


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
    for hint in _HINTS:
        value = getattr(dataset.validation, hint, None)
        if value is not None:
            group[hint] = value.astype("<i8")
    if dataset.provenance:
        group["provenance"] = _encode((json.dumps(dict(dataset.provenance)),))


@dataclass(frozen=True)
class ArrayPlace:
    """Where in a file an array of one piece lies."""

    dtype: np.dtype[Any]
    offset: int
    shape: tuple[int, ...]

    @classmethod
    def of(cls, array: Any) -> ArrayPlace | None:
        """Return the place of a dataset of h5py; None if it is in several pieces, or compressed."""
        offset = array.id.get_offset()
        return None if offset is None else cls(array.dtype, offset, array.shape)

    def map(self, path: Path) -> NDArray[Any]:
        """Return it as a read-only memory map; a ValueError if the file is too short."""
        return np.memmap(path, dtype=self.dtype, mode="r", offset=self.offset, shape=self.shape)


def _names(file: Any) -> list[str]:
    """Return the names of all semantics."""
    import h5py

    if not isinstance(file["semantics"], h5py.Group):
        raise TypeError("/semantics is no group")
    names = list(file["semantics"])
    for name in names:
        checks.check_name(name, f"{file.filename}: semantics")
    return names


def _read(
    file: Any, path: Path, semantics: str | None
) -> tuple[dict[str, Any], ArrayPlace, ArrayPlace | None, dict[str, tuple[str, ...]]]:
    """Return the fields of a dataset, where its arrays are, and the class names of each semantics."""
    stored = _names(file)
    if semantics is None:
        semantics = stored[0] if len(stored) == 1 else "att"
    if semantics not in stored:
        raise DataError(f"no semantics {semantics!r}", where=path, fix=did_you_mean(semantics, stored))
    group = file["semantics"][semantics]
    hints = {hint: group[hint][()].astype(np.int64) for hint in _HINTS if hint in group}
    extraction = _parse_object(_read_text(file, "extraction", "")) or {}
    parts = {
        "name": _read_text(file, "name"),
        "features_name": _read_text(file, "features_name"),
        "semantics_name": semantics,
        "labels": file["labels"][()].astype(np.int64),
        "semantics": group["values"][()].astype(np.float32),
        "class_names": _decode(group["class_names"][()]),
        "split": Split(_read_text(group, "split_name"), *(group[part][()] for part in PARTS)),
        "content": _read_text(group, "content"),
        "image_files": file["image_files"][()],  # decoded later: many texts take long to send
        "files": msgspec.convert(json.loads(_read_text(group, "files")), dict[str, str]),
        "notes": msgspec.convert(json.loads(_read_text(group, "notes")), tuple[str, ...]),
        "validation": ValidationHint(**hints) if hints else None,
        "provenance": _parse_object(_read_provenance(file, semantics)) or {},
        "extraction": extraction,
        "pretraining": describe_pretraining(extraction),
        "regions_content": _read_text(file["regions"], "content") if "regions" in file else "",
    }
    names = {other: _decode(file["semantics"][other]["class_names"][()]) for other in stored}
    regions = None
    if "regions" in file:
        regions = _find(file["regions"], 3, ("float16", "float32"), f"{path}: regions")
    return parts, _find(file["features"], 2, ("float32",), f"{path}: features"), regions, names


def _read_provenance(file: Any, semantics: str) -> str:
    group = file["semantics"][semantics]
    return _decode(group["provenance"][()])[0] if "provenance" in group else ""


def _find(array: Any, dimensions: int, types: Sequence[str], where: str) -> ArrayPlace:
    """Return the place of features or regions, which are one piece."""
    place = ArrayPlace.of(array)
    if place is None or place.dtype not in map(np.dtype, types) or len(place.shape) != dimensions:
        what = f"it is not one array of {' or '.join(types)} with {dimensions} dimensions"
        raise DataError(what, where=where, fix=_AGAIN)
    return place


def _open(path: Path, read: Callable[[Any], T]) -> T:
    """Return what ``read`` reads of the open file.

    The first time a process of its own reads, and tries all that is ever read. If that ends well, this
    process reads the file from then on, as long as it has not changed: a fork takes as long as a reading.
    """
    import h5py

    def run(read: Callable[[Any], T]) -> T:
        try:
            file = h5py.File(path, "r", locking=False)  # some drives have no locks, and reading needs none
        except OSError as error:
            raise DataError(f"not an HDF5 file, or damaged: {error}", where=path, fix=_AGAIN) from error
        with file:
            if "layout" not in file.attrs or _read_text(file, "layout") != LAYOUT:
                raise DataError("an HDF5 file, but not of gzslbench's layout", where=path, fix=_AGAIN)
            version = file.attrs.get("version")
            if version != VERSION:
                what = f"layout version {version}, but this gzslbench reads version {VERSION}"
                raise DataError(what, where=path, fix=_AGAIN)
            return read(file)

    def try_all(file: Any) -> T:
        [list(file.attrs.values()), *(_read(file, path, name) for name in _names(file))]
        return read(file)

    check_file(path, DataError)
    status = path.stat()
    state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    with _explaining(path):
        if state in _harmless:
            return run(read)
        found = read_apart(path, lambda: run(try_all), _SECONDS)
    _harmless.add(state)
    return found


@contextmanager
def _explaining(path: Path) -> Iterator[None]:
    """Turn what damaged content raises into a DataError."""
    try:
        yield
    except (CrashError, *_DAMAGE) as error:
        raise DataError(f"damaged: {str(error) or type(error).__name__}", where=path, fix=_AGAIN) from error


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


def _read_text(place: Any, name: str, default: str | None = None) -> str:
    value = place.attrs[name] if default is None else place.attrs.get(name, default)
    return value.decode() if isinstance(value, bytes) else str(value)


def _encode(texts: Sequence[str]) -> NDArray[np.bytes_]:
    """Encode texts as UTF-8 of one fixed length, which HDF5 reads many times faster than any length."""
    return np.array([text.encode() for text in texts], dtype=np.bytes_)


def _decode(stored: NDArray[Any]) -> tuple[str, ...]:
    """Decode all texts at once; HDF5 strings of one length contain NUL only as padding at their end."""
    texts = stored.tolist()
    return tuple(b"\0".join(texts).decode().split("\0")) if texts else ()
