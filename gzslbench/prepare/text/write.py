"""Write semantics into the files of a dataset, where ``run --semantics`` finds them."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.data import checks
from gzslbench.data.catalogue import lock_folder
from gzslbench.data.dataset import PARTS, Dataset, content_fingerprint
from gzslbench.data.formats import hdf5, xlsa17
from gzslbench.data.formats.hdf5 import Source
from gzslbench.data.formats.matfile import read_mat
from gzslbench.data.load import fitting_hdf5
from gzslbench.errors import DataError
from gzslbench.files import make_folder, sha256_of, write_atomically, writing

_ELSEWHERE = "name a file in a folder that you may write to with --out"


@dataclass(frozen=True)
class Basis:
    """Existing semantics whose split and class names the new semantics use.

    Attributes:
        path: The dataset's folder, or its HDF5 file.
        semantics: The name of the semantics.
        class_names: C names.
        file: The file that contains them.
    """

    path: Path
    semantics: str
    class_names: tuple[str, ...]
    file: Path

    @property
    def in_folder(self) -> bool:
        """Whether the dataset is a folder, not one HDF5 file."""
        return self.path != self.file

    def provenance(self) -> dict[str, object]:
        """Return the name and file of the semantics, and the sha256 of a splits file."""
        entry: dict[str, object] = {"semantics": self.semantics, "file": self.file.name}
        # An HDF5 file gets no sha256: it changes when the new semantics are added to it.
        return entry | {"sha256": sha256_of(self.file)} if self.in_folder else entry


def check_target(basis: Basis, name: str, out: Path | None, overwrite: bool) -> None:
    """Refuse a target that cannot be written, or that has semantics of this name already.

    Semantics that ``data semantics`` did not write are never replaced.
    """
    if out is not None and not basis.in_folder:
        raise DataError(
            "the semantics of an .h5 file go into that file", where=f"--out {out}", fix="do not pass --out"
        )
    if out is not None and not out.name.endswith(xlsa17.SPLITS):
        raise DataError(
            "this is not the name of a splits file",
            where=f"--out {out}",
            fix=f"give it a name that ends in {xlsa17.SPLITS}",
        )
    for path, provenance in _find_existing(basis, name, out).items():
        if not provenance:
            what = f"there are semantics {name!r} that this command did not write; it does not replace them"
            raise DataError(what, where=path, fix="choose another --name")
        if not overwrite:
            what = f"there are semantics {name!r} already"
            raise DataError(what, where=path, fix="choose another --name, or pass --overwrite")
    folder = out.parent if out else basis.file.parent
    with writing(folder, "no file can be written there", DataError, _ELSEWHERE):
        make_folder(folder)


def write_semantics(
    basis: Basis,
    name: str,
    semantics: NDArray[np.float32],
    provenance: Mapping[str, object],
    out: Path | None = None,
    overwrite: bool = True,
) -> list[Path]:
    """Write a splits file, and add the semantics to the HDF5 files next to it, under the folder's lock.

    The HDF5 files are written first, because a kill in between must not break the dataset: semantics in an
    HDF5 file without a splits file do no harm, but a splits file that an HDF5 file does not know makes that
    file out of date. If an earlier write of the same semantics was killed in between, this write repairs it.
    """
    checks.check_semantics(semantics, basis.class_names, name)
    with lock_folder(out.parent if out else basis.file.parent):
        if not overwrite:
            check_target(basis, name, out, overwrite)
        if not basis.in_folder:
            hdf5.add_semantics(basis.file, _under(basis, basis.file, name, semantics, provenance, None))
            return [basis.file]
        target = out or basis.path / f"{name}{xlsa17.SPLITS}"
        content = _encode_splits_file(basis.file, semantics, provenance)
        stored = [] if out else _find_current_files(basis.path, target.name)
        source = Source(target.name, len(content), 0, hashlib.sha256(content).hexdigest())
        for path in stored:
            hdf5.add_semantics(path, _under(basis, path, name, semantics, provenance, source), source)
        write_atomically(target, content, DataError, _ELSEWHERE)
        return [target, *stored]


def _find_current_files(folder: Path, replaced: str = "") -> list[Path]:
    """Find the HDF5 files in ``folder`` that are up to date, or only lack the file ``replaced``."""
    ours = (path for path in sorted(folder.glob("*.h5")) if hdf5.is_ours(path))
    return [path for path in ours if fitting_hdf5(folder, path.stem, replaced)[0] is not None]


def _find_existing(basis: Basis, name: str, out: Path | None) -> dict[Path, Mapping[str, object]]:
    """Return the provenance of existing semantics of this name, by the file that contains them."""
    target = out or basis.path / f"{name}{xlsa17.SPLITS}"
    existing: dict[Path, Mapping[str, object]] = {}
    if basis.in_folder and os.path.lexists(target):
        existing[target] = xlsa17.read_provenance(read_mat(target, (xlsa17.PROVENANCE,)), target)
    if out is not None:
        return existing
    for path in _find_current_files(basis.path) if basis.in_folder else [basis.file]:
        stored = hdf5.stored_semantics(path)
        if name in stored:
            existing[path] = stored[name]
    return existing


def _encode_splits_file(
    basis: Path, semantics: NDArray[np.float32], provenance: Mapping[str, object]
) -> bytes:
    """Return the bytes of a splits file like ``basis`` with other semantics."""
    from scipy.io import savemat

    parts = [f"{part}_loc" for part in PARTS]
    arrays = read_mat(basis, (xlsa17.NAMES, *parts, *xlsa17.HINTS))
    if xlsa17.NAMES in arrays:
        arrays[xlsa17.NAMES] = arrays[xlsa17.NAMES].reshape(-1, 1)
    entry = json.dumps(dict(provenance))
    stream = io.BytesIO()
    savemat(stream, {**arrays, "att": semantics.T, xlsa17.PROVENANCE: entry}, do_compression=True)
    return stream.getvalue()


def _under(
    basis: Basis,
    path: Path,
    name: str,
    semantics: NDArray[np.float32],
    provenance: Mapping[str, object],
    source: Source | None,
) -> Dataset:
    """Return the dataset of an HDF5 file with the new semantics. It keeps the file's own split."""
    stored = hdf5.open_hdf5(path, basis.semantics)
    others = {file: sha256 for file, sha256 in stored.files.items() if not file.endswith(xlsa17.SPLITS)}
    return replace(
        stored,
        semantics_name=name,
        semantics=semantics,
        content=content_fingerprint(stored.features, stored.labels, semantics),
        files=others | ({source.name: source.sha256} if source else {}),
        provenance=provenance,
    )
