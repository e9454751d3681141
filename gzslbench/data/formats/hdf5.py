"""gzslbench's own format: an HDF5 file for each feature file, opened without reading the features.

``/features`` (N, d) float32 in one piece, ``/regions`` (N, R, d) float16 or float32 in one piece if there are
any, ``/labels`` from 0, ``/image_files``, and for each semantics a
group ``/semantics/<name>`` with ``values`` (C, a), ``class_names``, the split's rows from 0, what the files
say about validation, the content fingerprint, and ``provenance`` if gzslbench computed the semantics. Only a
dataset that passed every check is written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from gzslbench.data import checks
from gzslbench.data.dataset import PARTS, Dataset, Split, ValidationHint, describe_pretraining
from gzslbench.data.formats.apart import CrashError, read_apart
from gzslbench.errors import DataError, did_you_mean
from gzslbench.files import check_file, sha256_of

LAYOUT = "gzslbench-dataset"
VERSION = 1
T = TypeVar("T")
_DAMAGE = (AttributeError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)
_SECONDS = 5
"""The most processor time that reading all but the features may take; it takes a twentieth of a second."""
_AGAIN = "move it away, and write it again with `gzslbench data import`"
_harmless = set[tuple[int, ...]]()
"""The states of files that a process of its own has read to the end."""
HINTS = tuple(field.name for field in fields(ValidationHint))


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
    hints = {hint: group[hint][()].astype(np.int64) for hint in HINTS if hint in group}
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


def _read_text(place: Any, name: str, default: str | None = None) -> str:
    value = place.attrs[name] if default is None else place.attrs.get(name, default)
    return value.decode() if isinstance(value, bytes) else str(value)


def _decode(stored: NDArray[Any]) -> tuple[str, ...]:
    """Decode all texts at once; HDF5 strings of one length contain NUL only as padding at their end."""
    texts = stored.tolist()
    return tuple(b"\0".join(texts).decode().split("\0")) if texts else ()
