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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.data import checks
from gzslbench.data.dataset import PARTS, Dataset, Split, ValidationHint, describe_pretraining, read_blocks
from gzslbench.data.regions import fingerprint_regions
from gzslbench.errors import DataError, did_you_mean
from gzslbench.files import atomic_path, check_file, sha256_of, writing

LAYOUT = "gzslbench-dataset"
VERSION = 1
_CHUNK = 1 << 20
_LONGEST = 60_000
_AGAIN = "move it away, and write it again with `gzslbench data import`"
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
    """
    import h5py

    first, image_files = datasets[0], _encode(datasets[0].image_files)
    semantics_size = sum(64 * len(dataset.labels) + 2 * dataset.semantics.nbytes for dataset in datasets)
    regions = first.regions
    size = 4 * first.features.size + image_files.nbytes + semantics_size + _CHUNK
    size += 0 if regions is None else regions.nbytes
    with _reserved_file(path, size) as scratch, h5py.File(scratch, "w", locking=False) as file:
        file.attrs["version"] = VERSION
        _write_texts(file, layout=LAYOUT, name=first.name, features_name=first.features_name)
        _write_texts(file, sources=json.dumps([asdict(source) for source in sources]))
        if extraction is not None:
            _write_texts(file, extraction=json.dumps(extraction))
        _write_blocks(file, "features", first.features, "<f4")
        if regions is not None:
            _write_blocks(file, "regions", regions, regions.dtype.newbyteorder("<").str)
            _write_texts(file["regions"], content=first.regions_content or fingerprint_regions(regions))
        file["labels"] = first.labels.astype("<i8")
        file["image_files"] = image_files
        for dataset in datasets:
            _write_semantics(file.create_group(f"semantics/{dataset.semantics_name}"), dataset)


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
        with h5py.File(scratch, "r+", locking=False) as file:
            groups = file["semantics"]
            if dataset.semantics_name in groups:
                del groups[dataset.semantics_name]
            _write_semantics(groups.create_group(dataset.semantics_name), dataset)
            _write_texts(file, sources=json.dumps([asdict(entry) for entry in sources.values()]))


def open_hdf5(path: Path, semantics: str | None = None) -> Dataset:
    """Open ``path`` with its features memory-mapped, and trust the content fingerprint stored in it.

    Without ``semantics``, ``att`` is taken, or the only semantics in the file.
    """
    with _open(path) as file:
        return _read(file, path, semantics)


def stored_semantics(path: Path) -> dict[str, dict[str, object]]:
    """Return the provenance of each semantics in ``path``, by name; empty if gzslbench did not compute it."""
    with _open(path) as file:
        return {name: _read_provenance(group) for name, group in file["semantics"].items()}


def stored_sources(path: Path) -> dict[str, Source]:
    """Return the files that ``path`` was imported from, by name, as they were then."""
    with _open(path) as file:
        return {entry["name"]: Source(**entry) for entry in json.loads(_read_text(file, "sources"))}


def stored_extraction(path: Path) -> dict[str, object] | None:
    """Return how the features in ``path`` were extracted; None if gzslbench did not extract them."""
    with _open(path) as file:
        return _read_extraction(file)


def is_ours(path: Path) -> bool:
    """Return whether ``path`` can be opened as a file of this format."""
    try:
        with _open(path):
            return True
    except DataError:
        return False


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


def _read(file: Any, path: Path, semantics: str | None) -> Dataset:
    stored = list(file["semantics"])
    if semantics is None:
        semantics = stored[0] if len(stored) == 1 else "att"
    if semantics not in stored:
        raise DataError(f"no semantics {semantics!r}", where=path, fix=did_you_mean(semantics, stored))
    group = file["semantics"][semantics]
    hints = {hint: group[hint][()].astype(np.int64) for hint in _HINTS if hint in group}
    extraction = _read_extraction(file) or {}
    dataset = Dataset(
        name=_read_text(file, "name"),
        features_name=_read_text(file, "features_name"),
        semantics_name=semantics,
        features=_map(file["features"], path),
        labels=file["labels"][()].astype(np.int64),
        semantics=group["values"][()].astype(np.float32),
        class_names=_decode(group["class_names"]),
        split=Split(_read_text(group, "split_name"), *(group[part][()] for part in PARTS)),
        content=_read_text(group, "content"),
        image_files=_decode(file["image_files"]),
        files=json.loads(_read_text(group, "files")),
        notes=tuple(json.loads(_read_text(group, "notes"))),
        validation=ValidationHint(**hints) if hints else None,
        provenance=_read_provenance(group),
        extraction=extraction,
        pretraining=describe_pretraining(extraction),
        regions=_map_regions(file["regions"], path) if "regions" in file else None,
        regions_content=_read_text(file["regions"], "content") if "regions" in file else "",
    )
    checks.check_dataset(dataset, str(path))
    for other in stored:
        listed, where = _decode(file["semantics"][other]["class_names"]), f"{path}: {semantics} and {other}"
        checks.check_class_order(dataset.class_names, listed, where)
    return dataset


def _read_provenance(group: Any) -> dict[str, object]:
    return dict(json.loads(_decode(group["provenance"])[0])) if "provenance" in group else {}


def _read_extraction(file: Any) -> dict[str, object] | None:
    return dict(json.loads(_read_text(file, "extraction"))) if "extraction" in file.attrs else None


def _map(features: Any, path: Path) -> NDArray[np.float32]:
    """Return the features as a read-only memory map: they lie in one piece, at a known place."""
    offset = features.id.get_offset()
    if offset is None or features.dtype != np.dtype("<f4") or features.ndim != 2:
        raise DataError("features are not one float32 matrix", where=f"{path}: features", fix=_AGAIN)
    return np.memmap(path, dtype="<f4", mode="r", offset=offset, shape=features.shape)


def _map_regions(regions: Any, path: Path) -> NDArray[Any]:
    """Return the regions as a read-only memory map."""
    offset, dtype = regions.id.get_offset(), regions.dtype
    if offset is None or dtype not in (np.dtype("<f2"), np.dtype("<f4")) or regions.ndim != 3:
        what = "regions are not one array of float16 or float32 with three dimensions"
        raise DataError(what, where=f"{path}: regions", fix=_AGAIN)
    return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=regions.shape)


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    import h5py

    check_file(path, DataError)
    try:
        file = h5py.File(path, "r", locking=False)  # some drives have no locks, and reading needs none
    except OSError as error:
        raise DataError(f"not an HDF5 file, or damaged: {error}", where=path, fix=_AGAIN) from error
    with file:
        try:
            if "layout" not in file.attrs or _read_text(file, "layout") != LAYOUT:
                raise DataError("an HDF5 file, but not of gzslbench's layout", where=path, fix=_AGAIN)
            version = file.attrs.get("version")
            if version != VERSION:
                what = f"layout version {version}, but this gzslbench reads version {VERSION}"
                raise DataError(what, where=path, fix=_AGAIN)
            yield file
        except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
            raise DataError(f"damaged: {error}", where=path, fix=_AGAIN) from error


@contextmanager
def _reserved_file(path: Path, size: int) -> Iterator[Path]:
    """Yield a temporary file that will replace ``path``, with ``size`` bytes of disk reserved for it."""
    elsewhere = "name a file in a folder you may write to with --out"
    with writing(path, failure=DataError, elsewhere=elsewhere), atomic_path(path) as scratch:
        with scratch.open("wb") as stream:  # HDF5 crashes if the disk gets full while it writes
            for _ in range(0, size, _CHUNK):
                stream.write(bytes(_CHUNK))
        yield scratch


def _write_texts(place: Any, **texts: str) -> None:
    """Write texts as attributes of a fixed length.

    HDF5 keeps texts of any length in a heap, and reads a damaged heap without end. An attribute takes 64 KiB
    at most, so a longer text goes there all the same.
    """
    for name, text in texts.items():
        encoded = text.encode()
        place.attrs[name] = np.bytes_(encoded) if 0 < len(encoded) <= _LONGEST else text


def _read_text(place: Any, name: str) -> str:
    value = place.attrs[name]
    return value.decode() if isinstance(value, bytes) else str(value)


def _encode(texts: Sequence[str]) -> NDArray[np.bytes_]:
    """Encode texts as UTF-8 of one fixed length, which HDF5 reads many times faster than any length."""
    return np.array([text.encode() for text in texts], dtype=np.bytes_)


def _decode(stored: Any) -> tuple[str, ...]:
    """Decode all texts at once; HDF5 strings of one length contain NUL only as padding at their end."""
    texts = stored[()].tolist()
    return tuple(b"\0".join(texts).decode().split("\0")) if texts else ()
