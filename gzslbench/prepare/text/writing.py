"""From an array of semantics to where `run --semantics` takes them."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.data import checks
from gzslbench.data.content import content_hash
from gzslbench.data.dataset import Dataset
from gzslbench.data.formats import hdf5, xlsa17
from gzslbench.data.formats.lock import held
from gzslbench.data.formats.matfile import read_mat
from gzslbench.data.formats.sources import Source
from gzslbench.data.load import fitting_hdf5
from gzslbench.errors import DataError, StoreError
from gzslbench.files import make_folder, write_atomically, writing
from gzslbench.prepare.text.basis import Basis


def check_target(basis: Basis, name: str, out: Path | None, overwrite: bool) -> None:
    """Refuse a file to write whose name will not do, or semantics that are there already.

    Semantics that no `data semantics` made are never replaced.

    Args:
        basis: Of the dataset.
        name: Of the new semantics.
        out: The file to write instead of one in the dataset's folder.
        overwrite: Whether earlier ones that we made may be replaced.

    Raises:
        DataError: It is, or they are, or no file can be written there.
    """
    if out is not None and not basis.in_folder:
        raise DataError(
            "the semantics of an .h5 file go into that file", where=f"--out {out}", fix="leave --out out"
        )
    if out is not None and not out.name.endswith(xlsa17.SPLITS):
        raise DataError(
            "the file to write is no splits file",
            where=f"--out {out}",
            fix=f"give it a name that ends in {xlsa17.SPLITS}",
        )
    for place, provenance in _there(basis, name, out).items():
        if not provenance:
            raise DataError(
                f"there are semantics {name!r} that this command did not write, and it leaves them alone",
                where=place,
                fix="choose another --name",
            )
        if not overwrite:
            raise DataError(
                f"there are semantics {name!r} already",
                where=place,
                fix="choose another --name, or pass --overwrite",
            )
    folder = out.parent if out else basis.file.parent
    with _writing_errors(), writing(folder, "no file can be written there"):
        make_folder(folder)


def write_semantics(
    basis: Basis,
    name: str,
    semantics: NDArray[np.float32],
    provenance: Mapping[str, object],
    out: Path | None = None,
    overwrite: bool = True,
) -> list[Path]:
    """Write a splits file, and put the semantics into the HDF5 files beside it, alone in the folder.

    The HDF5 files come first: semantics in them whose splits file is not there yet do no harm, and a splits
    file that they do not know makes them out of date. Those that are so by these very semantics, since a
    write was killed in between, are mended.

    Args:
        basis: Of the dataset; its split and class names are taken over as they are.
        name: Of the semantics.
        semantics: ``(C, a)``.
        provenance: What made them.
        out: The splits file to write; None writes to the dataset's folder, or into its HDF5 file.
        overwrite: Whether those that another process has written since ``check_target`` may be replaced.

    Returns:
        The files written.

    Raises:
        DataError: The semantics will not do, or are there and may not be replaced, or a file cannot be
            written.
    """
    checks.check_semantics(semantics, basis.class_names, name)
    with held(out.parent if out else basis.file.parent):
        if not overwrite:
            check_target(basis, name, out, overwrite)
        return _write(basis, name, semantics, provenance, out)


def _write(
    basis: Basis,
    name: str,
    semantics: NDArray[np.float32],
    provenance: Mapping[str, object],
    out: Path | None,
) -> list[Path]:
    if not basis.in_folder:
        hdf5.add_semantics(basis.file, _under(basis, basis.file, name, semantics, provenance, None))
        return [basis.file]
    target = out or basis.path / f"{name}{xlsa17.SPLITS}"
    content = _splits_file(basis.file, semantics, provenance)
    stored = [] if out else fresh_files(basis.path, target.name)
    source = Source(target.name, len(content), 0, hashlib.sha256(content).hexdigest())
    for path in stored:
        hdf5.add_semantics(path, _under(basis, path, name, semantics, provenance, source), source)
    with _writing_errors():
        write_atomically(target, content)
    return [target, *stored]


def fresh_files(folder: Path, replaced: str = "") -> list[Path]:
    """The HDF5 files of our layout in ``folder`` that are not out of date once ``replaced`` is another."""
    ours = (path for path in sorted(folder.glob("*.h5")) if hdf5.is_ours(path))
    return [path for path in ours if fitting_hdf5(folder, path.stem, replaced)[0] is not None]


@contextmanager
def _writing_errors() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        fix = "free some space, or name a file in a folder that you may write to with --out"
        raise DataError(error.what, where=error.where, fix=fix) from error


def _there(basis: Basis, name: str, out: Path | None) -> dict[Path, Mapping[str, object]]:
    """What made the semantics of this name that are there, by the file that holds them."""
    target = out or basis.path / f"{name}{xlsa17.SPLITS}"
    found: dict[Path, Mapping[str, object]] = {}
    if basis.in_folder and os.path.lexists(target):
        found[target] = xlsa17.read_provenance(read_mat(target, (xlsa17.PROVENANCE,)), target)
    if out is not None:
        return found
    for path in fresh_files(basis.path) if basis.in_folder else [basis.file]:
        stored = hdf5.stored_semantics(path)
        if name in stored:
            found[path] = stored[name]
    return found


def _splits_file(basis: Path, semantics: NDArray[np.float32], provenance: Mapping[str, object]) -> bytes:
    """The bytes of a splits file like ``basis``, with other semantics."""
    from scipy.io import savemat

    parts = [f"{part}_loc" for part in checks.PARTS]
    found = read_mat(basis, (xlsa17.NAMES, *parts, *xlsa17.HINTS))
    if xlsa17.NAMES in found:
        found[xlsa17.NAMES] = found[xlsa17.NAMES].reshape(-1, 1)
    told = json.dumps(dict(provenance))
    stream = io.BytesIO()
    savemat(stream, {**found, "att": semantics.T, xlsa17.PROVENANCE: told}, do_compression=True)
    return stream.getvalue()


def _under(
    basis: Basis,
    path: Path,
    name: str,
    semantics: NDArray[np.float32],
    provenance: Mapping[str, object],
    source: Source | None,
) -> Dataset:
    """The dataset in an HDF5 file under the new semantics, with that file's split, which may be a part."""
    there = hdf5.open_hdf5(path, basis.semantics)
    others = {file: sha256 for file, sha256 in there.files.items() if not file.endswith(xlsa17.SPLITS)}
    return replace(
        there,
        semantics_name=name,
        semantics=semantics,
        content=content_hash(there.features, there.labels, semantics),
        files=others | ({source.name: source.sha256} if source else {}),
        provenance=provenance,
    )
