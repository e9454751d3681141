"""Build semantics from class names or descriptions: find the split to use, encode, write.

The semantics are written into the files of a dataset, where ``run --semantics`` finds them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gzslbench._version import VERSION
from gzslbench.data import checks
from gzslbench.data.catalogue import lock_folder
from gzslbench.data.dataset import PARTS, Dataset, content_fingerprint
from gzslbench.data.formats import hdf5, xlsa17
from gzslbench.data.formats.hdf5 import Source
from gzslbench.data.formats.hdf5_writer import add_semantics
from gzslbench.data.formats.matfile import encode_mat, read_mat
from gzslbench.data.load import Place, find, fitting_hdf5, require_semantics
from gzslbench.data.variants import SHUFFLED, UNIT
from gzslbench.errors import DataError, ParamError
from gzslbench.files import check_folder, make_folder, sha256_of, write_atomically, writing
from gzslbench.prepare.text.documents import fingerprint, read_documents
from gzslbench.prepare.text.encoder import encode_classes, load_encoder
from gzslbench.prepare.text.texts import (
    Texts,
    class_texts,
    match_descriptions,
)

if TYPE_CHECKING:
    import torch

_ELSEWHERE = "copy the dataset to a folder that you may write to"


@dataclass(frozen=True)
class SemanticsRequest:
    """What to encode, and with which model; without ``descriptions`` the names of the classes.

    ``split_long`` splits texts that are longer than the model reads, and averages what is encoded.

    Raises:
        ParamError: The name is reserved, or cannot be part of a file name.
    """

    name: str
    encoder: str
    descriptions: Path | None = None
    templates: tuple[str, ...] = ()
    split_long: bool = False

    def __post_init__(self) -> None:
        """Check the name."""
        reserved = self.name.startswith(xlsa17.RAW) or SHUFFLED in self.name or self.name.endswith(UNIT)
        if reserved or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", self.name):
            fix = f"use letters, digits, _, - and . (but not {xlsa17.RAW}, {SHUFFLED} or {UNIT})"
            raise ParamError(f"semantics cannot be called {self.name!r}", where="--name", fix=fix)


@dataclass(frozen=True)
class Basis:
    """Existing semantics of ``columns`` numbers, in ``file``, whose split and class names new ones use.

    ``path`` is the dataset's folder, or its HDF5 file.
    """

    path: Path
    semantics: str
    class_names: tuple[str, ...]
    file: Path
    columns: int

    @property
    def in_folder(self) -> bool:
        """Whether the dataset is a folder, not one HDF5 file."""
        return self.path != self.file

    def provenance(self) -> dict[str, object]:
        """Return the name and file of the semantics, and the sha256 of a splits file."""
        entry: dict[str, object] = {"semantics": self.semantics, "file": self.file.name}
        # An HDF5 file gets no sha256: it changes when the new semantics are added to it.
        return entry | {"sha256": sha256_of(self.file)} if self.in_folder else entry


def find_basis(dataset: str | Path, split_of: str | None, root: str | Path | None = None) -> Basis:
    """Find the semantics ``split_of`` of a dataset. None takes ``att``, or the only semantics."""
    place = find(dataset, root)
    if not isinstance(place, Place):
        fix = "name a folder of splits, or an .h5 file"
        raise DataError("this dataset is not in files", where=dataset, fix=fix)
    folder = place.path
    if folder.is_file():
        stored = hdf5.open_hdf5(folder, split_of)
        columns = stored.semantics.shape[1]
        return Basis(folder, stored.semantics_name, stored.class_names, folder, columns)
    check_folder(folder, DataError)
    names = xlsa17.semantics_names(folder)
    if not names:
        what, fix = "there are no semantics whose split could be used", "put att_splits.mat there"
        raise DataError(what, where=folder / f"*{xlsa17.SPLITS}", fix=fix)
    name = split_of or (names[0] if len(names) == 1 else "att")
    require_semantics(place, name)
    splits = xlsa17.read_splits(folder, name)
    return Basis(folder, name, splits.class_names, splits.path, splits.semantics.shape[1])


def collect_texts(basis: Basis, request: SemanticsRequest) -> tuple[list[Texts], str]:
    """Return the texts of every class, as they are encoded unless they are long, and a note on them."""
    path, described, note = request.descriptions, None, ""
    if path is not None:
        found, note = read_documents(path, basis.class_names, basis.path, basis.semantics)
        described = match_descriptions(found, basis.class_names, path)
    return class_texts(basis.class_names, described, request.templates, path or basis.file), note


def build_semantics(
    basis: Basis, request: SemanticsRequest, device: torch.device, overwrite: bool = False
) -> tuple[list[Path], dict[str, object]]:
    """Encode the classes, and write their semantics next to the others; return files and provenance.

    With ``overwrite``, semantics of this name that an earlier call wrote are replaced.
    """
    texts, note = collect_texts(basis, request)
    check_target(basis, request.name, overwrite)  # before the slow part
    encoder = load_encoder(request.encoder, device)
    documents = sum(map(len, texts))
    if request.split_long:
        texts = [tuple(piece for text in of_class for piece in encoder.split(text)) for of_class in texts]
    semantics = encode_classes(encoder, texts, basis.class_names)
    descriptions = request.descriptions
    provenance = {
        **encoder.provenance(),
        "templates": list(request.templates),
        "descriptions": (
            {"file": descriptions.name, "sha256": fingerprint(descriptions)} if descriptions else None
        ),
        **({"split_from": documents} if request.split_long else {}),
        **({"note": note} if note else {}),
        "texts": sum(map(len, texts)),
        "texts_cut": encoder.count_truncated([text for of_class in texts for text in of_class]),
        "texts_sha256": hashlib.sha256(json.dumps(texts).encode()).hexdigest(),
        "split_of": basis.provenance(),
        "gzslbench": VERSION,
        "device": device.type,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    return write_semantics(basis, request.name, semantics, provenance, overwrite), provenance


def check_target(basis: Basis, name: str, overwrite: bool) -> None:
    """Refuse a folder that cannot be written, or that has semantics of this name already.

    Semantics that ``data semantics`` did not write are never replaced; those of an interrupted write are.
    """
    existing = _find_existing(basis, name)
    is_whole = not basis.in_folder or any(path.name.endswith(xlsa17.SPLITS) for path in existing)
    for path, provenance in existing.items():
        if not provenance:
            what = f"there are semantics {name!r} that this command did not write; it does not replace them"
            raise DataError(what, where=path, fix="choose another --name")
        if is_whole and not overwrite:
            what = f"there are semantics {name!r} already"
            raise DataError(what, where=path, fix="choose another --name, or pass --overwrite")
    folder = basis.file.parent
    with writing(folder, "no file can be written there", DataError, _ELSEWHERE):
        make_folder(folder)


def write_semantics(
    basis: Basis,
    name: str,
    semantics: NDArray[np.float32],
    provenance: Mapping[str, object],
    overwrite: bool = True,
) -> list[Path]:
    """Write a splits file, and add the semantics to the HDF5 files next to it, under the folder's lock.

    The HDF5 files are written first, because a kill in between must not break the dataset: semantics in an
    HDF5 file without a splits file do no harm, but a splits file that an HDF5 file does not know makes that
    file out of date. If an earlier write of the same semantics was killed in between, this write repairs it.
    """
    checks.check_semantics(semantics, basis.class_names, name)
    with lock_folder(basis.file.parent):
        if not overwrite:
            check_target(basis, name, overwrite)
        if not basis.in_folder:
            add_semantics(basis.file, _under(basis, basis.file, name, semantics, provenance, None))
            return [basis.file]
        target = basis.path / f"{name}{xlsa17.SPLITS}"
        content = _encode_splits_file(basis.file, semantics, provenance)
        stored = _find_current_files(basis.path, target.name)
        source = Source(target.name, len(content), 0, hashlib.sha256(content).hexdigest())
        for path in stored:
            add_semantics(path, _under(basis, path, name, semantics, provenance, source), source)
        write_atomically(target, content, DataError, _ELSEWHERE)
        return [target, *stored]


def _find_current_files(folder: Path, replaced: str = "") -> list[Path]:
    """Find the HDF5 files in ``folder`` that are up to date, or only lack the file ``replaced``."""
    ours = (path for path in sorted(folder.glob("*.h5")) if hdf5.is_ours(path))
    return [path for path in ours if fitting_hdf5(folder, path.stem, replaced)[0] is not None]


def _find_existing(basis: Basis, name: str) -> dict[Path, Mapping[str, object]]:
    """Return the provenance of existing semantics of this name, by the file that contains them."""
    target = basis.path / f"{name}{xlsa17.SPLITS}"
    existing: dict[Path, Mapping[str, object]] = {}
    if basis.in_folder and os.path.lexists(target):
        existing[target] = xlsa17.read_provenance(
            read_mat(target, (xlsa17.PROVENANCE,), texts=(xlsa17.PROVENANCE,)), target
        )
    for path in _find_current_files(basis.path) if basis.in_folder else [basis.file]:
        stored = hdf5.stored_semantics(path)
        if name in stored:
            existing[path] = stored[name]
    return existing


def _encode_splits_file(
    basis: Path, semantics: NDArray[np.float32], provenance: Mapping[str, object]
) -> bytes:
    """Return the bytes of a splits file like ``basis`` with other semantics."""
    parts = [f"{part}_loc" for part in PARTS]
    arrays = read_mat(basis, (xlsa17.NAMES, *parts, *xlsa17.HINTS), texts=(xlsa17.NAMES,))
    if xlsa17.NAMES in arrays:
        arrays[xlsa17.NAMES] = arrays[xlsa17.NAMES].reshape(-1, 1)
    entry = json.dumps(dict(provenance))
    return encode_mat({**arrays, "att": semantics.T, xlsa17.PROVENANCE: entry}, compress=True)


def _under(
    basis: Basis,
    path: Path,
    name: str,
    values: NDArray[np.float32],
    provenance: Mapping[str, object],
    source: Source | None,
) -> Dataset:
    """Return the dataset of an HDF5 file with the new semantics. It keeps the file's own split."""
    stored = hdf5.open_hdf5(path, basis.semantics)
    others = {file: sha256 for file, sha256 in stored.files.items() if not file.endswith(xlsa17.SPLITS)}
    return replace(
        stored,
        semantics_name=name,
        semantics=values,
        content=content_fingerprint(stored.features, stored.labels, values),
        files=others | ({source.name: source.sha256} if source else {}),
        provenance=provenance,
    )
