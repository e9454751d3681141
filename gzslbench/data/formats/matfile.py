"""Read MATLAB files of both kinds: MATLAB 5 (with scipy) and MATLAB 7.3 (HDF5)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import DataError
from gzslbench.files import check_file

_MATRIX, _COMPRESSED = 14, 15
_ELEMENTS = {*range(1, 8), 9, 12, 13, _MATRIX, _COMPRESSED, 16, 17, 18}
_AGAIN = "copy or download the file again: it is damaged or not a MATLAB file"


def read_mat(path: Path, wanted: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Read the variables of ``wanted`` that the file has, shaped as MATLAB shows them.

    Cell arrays and char arrays become flat arrays of str.
    """
    check_file(path, DataError)
    try:
        found = _read_73(path, wanted) if is_hdf5(path) else _read_5(path, wanted)
    except Exception as error:  # on damaged bytes the readers raise errors of many types
        raise DataError(f"cannot be read: {type(error).__name__}: {error}", where=path, fix=_AGAIN) from error
    return {name: _strings(value) if value.dtype.kind in "OU" else value for name, value in found.items()}


def variables(path: Path) -> set[str]:
    """Return the names of the variables in a file; an empty set if it cannot be read."""
    try:
        if is_hdf5(path):
            import h5py

            with h5py.File(path, "r") as file:
                return set(file)
        from scipy.io import whosmat

        return {name for name, _shape, _kind in whosmat(path)}
    except Exception:  # a damaged file is reported when it is loaded, not when a folder is listed
        return set()


def is_hdf5(path: Path) -> bool:
    """Return whether ``path`` has the signature of HDF5."""
    import h5py

    return bool(h5py.is_hdf5(path))


def _read_5(path: Path, wanted: Iterable[str]) -> dict[str, NDArray[Any]]:
    from scipy.io import loadmat

    _check_tags(path)
    loaded = loadmat(path, variable_names=list(wanted))
    return {name: np.asarray(value) for name, value in loaded.items() if not name.startswith("__")}


def _check_tags(path: Path) -> None:
    """Check the tags of all elements of a MATLAB 5 file: scipy crashes on an impossible type or size.

    Layout: MathWorks, "MAT-File Level 5 File Format". Compressed elements have a checksum of their own.
    """
    content = np.memmap(path, dtype=np.uint8, mode="r")
    mark = content[126:128].tobytes()
    if mark not in (b"IM", b"MI"):
        raise ValueError("not a MATLAB 5 file")
    _walk(content, 128, len(content), "<I" if mark == b"IM" else ">I")


def _walk(content: NDArray[np.uint8], start: int, end: int, word: str) -> None:
    while start < end:
        kind, size = (number for (number,) in struct.iter_unpack(word, content[start : start + 8].tobytes()))
        small = kind >> 16
        kind, size, body = (kind & 0xFFFF, small, start + 4) if small else (kind, size, start + 8)
        if kind not in _ELEMENTS or body + size > end or (small and size > 4):
            raise ValueError(f"the element at byte {start} has an impossible type or size")
        if kind == _MATRIX:
            _walk(content, body, body + size, word)
        padded = size if kind == _COMPRESSED else size + -size % 8
        start = start + 8 if small else body + padded


def _read_73(path: Path, wanted: Iterable[str]) -> dict[str, NDArray[Any]]:
    import h5py

    with h5py.File(path, "r") as file:
        # MATLAB writes columns first, so HDF5 shows every array transposed.
        return {name: _value_73(file, file[name]).T for name in wanted if name in file}


def _value_73(file: Any, dataset: Any) -> NDArray[Any]:
    import h5py

    value = dataset[()]
    if h5py.check_dtype(ref=dataset.dtype) is not None:
        return np.array([_text_73(file[reference]) for reference in np.ravel(value)], dtype=object)
    if dataset.attrs.get("MATLAB_class") == b"char":
        lines = np.atleast_2d(value).T
        return np.array(["".join(map(chr, line)) for line in lines], dtype=object)
    return np.asarray(value)


def _text_73(cell: Any) -> str:
    """Return one char array as text; for an empty one the file stores its shape instead of characters."""
    return "" if "MATLAB_empty" in cell.attrs else "".join(map(chr, np.ravel(cell[()])))


def _strings(cells: NDArray[Any]) -> NDArray[Any]:
    """Return a cell array or char matrix as flat strings; an empty cell is an empty string."""
    return np.array(["".join(map(str, np.ravel(cell))).strip() for cell in np.ravel(cells)], dtype=object)
