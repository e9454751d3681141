"""Read MATLAB files of both kinds: MATLAB 5, and MATLAB 7.3, which is HDF5."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Container, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.formats.apart import read_apart
from gzslbench.data.formats.mat5 import OtherKindError, names_in_mat5, read_mat5, sparse_error
from gzslbench.errors import DataError
from gzslbench.files import check_file

T = TypeVar("T")
_SIGNATURE, _SIGNED_AT = b"\x89HDF\r\n\x1a\n", (0, *(2**power for power in range(9, 20)))
_AGAIN = "copy or download the file again: it is damaged or not a MATLAB file"

_TEXT = b"MATLAB 5.0 MAT-file, written by gzslbench".ljust(116)


def encode_mat(variables: Mapping[str, Any], compress: bool = False) -> bytes:
    """Return a MATLAB 5 file with the variables, on which alone its bytes depend."""
    from scipy.io import savemat

    stream = io.BytesIO()
    savemat(stream, variables, do_compression=compress)
    return _TEXT + stream.getvalue()[len(_TEXT) :]  # instead of the time, which scipy writes there


def read_mat(path: Path, wanted: Collection[str], texts: Container[str] = ()) -> dict[str, NDArray[Any]]:
    """Read the variables of ``wanted`` that the file has, shaped as MATLAB shows them.

    Texts become flat arrays of str, from a cell array, a char array or strings that h5py wrote; ``texts``
    names the variables that must be texts.

    Raises:
        DataError: The file cannot be read, a text is something else, or a matrix is sparse.
    """
    check_file(path, DataError)
    try:
        found = _read_73(path, wanted) if is_hdf5(path) else read_mat5(path, wanted)
    except OtherKindError as error:
        where = ": ".join(filter(None, (str(path), error.name)))
        raise DataError(error.what, where=where, fix=error.fix) from error
    except Exception as error:  # on damaged bytes the readers raise errors of many types
        raise DataError(f"cannot be read: {type(error).__name__}: {error}", where=path, fix=_AGAIN) from error
    for name, value in found.items():
        if name not in texts and value.dtype.kind not in "OUS":
            continue
        try:
            found[name] = np.array([_text(cell) for cell in np.ravel(value)], dtype=object)
        except (TypeError, UnicodeDecodeError) as error:
            if name in texts:
                what = f"it holds {error}, not texts" if isinstance(error, TypeError) else f"{error}"
                fix = "store a cell array of char rows, one text in each cell"
                raise DataError(what, where=f"{path}: {name}", fix=fix) from error
    return found


def _text(cell: Any) -> str:
    """Return the text in a cell; a TypeError says what else it holds."""
    if isinstance(cell, bytes):
        return cell.decode().strip("\0 \t\r\n")
    if isinstance(cell, str):
        return cell.strip()
    value = np.asarray(cell)
    if not value.size:
        return ""
    if value.dtype.kind in "US":
        characters = value.ravel().tolist()
        return _text("".join(one.decode() if isinstance(one, bytes) else one for one in characters))
    if value.dtype.kind == "O" and value.size == 1 and value.item() is not cell:  # a cell in a cell
        return _text(value.item())
    raise TypeError("numbers" if value.dtype.kind in "fiub" else f"values of type {value.dtype}")


def variables(path: Path) -> set[str]:
    """Return the names of the variables in a file; an empty set if it cannot be read."""
    try:
        if is_hdf5(path):
            return _open_73(path, set)
        return names_in_mat5(path)
    except Exception:  # a damaged file is reported when it is loaded, not when a folder is listed
        return set()


def is_hdf5(path: Path) -> bool:
    """Return whether ``path`` has the signature of HDF5, at the start or after a block of its user."""
    with path.open("rb") as file:
        for start in _SIGNED_AT:
            file.seek(start)
            if file.read(len(_SIGNATURE)) == _SIGNATURE:
                return True
    return False


def _read_73(path: Path, wanted: Collection[str]) -> dict[str, NDArray[Any]]:
    # MATLAB writes columns first, so HDF5 shows every array transposed.
    return _open_73(
        path, lambda file: {name: _value_73(file, name, file[name]).T for name in wanted if name in file}
    )


def _open_73(path: Path, read: Callable[[Any], T]) -> T:
    """Return what ``read`` reads of the open file, in a process of its own."""
    import h5py

    def run() -> T:
        with h5py.File(path, "r", locking=False) as file:
            return read(file)

    return read_apart(path, run)


def _value_73(file: Any, name: str, dataset: Any) -> NDArray[Any]:
    """Return a variable; cells become an array of objects, and characters texts, one for each row."""
    import h5py

    if isinstance(dataset, h5py.Group):
        if "MATLAB_sparse" in dataset.attrs or {"ir", "jc"} <= set(dataset):
            raise sparse_error(name)
        raise OtherKindError(name, "it is a struct", "store an array or a cell array")
    kind = dataset.attrs.get("MATLAB_class")
    if kind == b"string":
        fix = "convert it with cellstr before you save it"
        raise OtherKindError(name, "it is of MATLAB's class string", fix)
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return np.asarray(dataset.asstr("utf-8")[()], dtype=object)
    value = dataset[()]
    if h5py.check_dtype(ref=dataset.dtype) is not None:
        cells = np.empty(np.size(value), dtype=object)
        for number, reference in enumerate(np.ravel(value)):
            cells[number] = _cell_73(file, name, file[reference])
        return cells
    if kind == b"char":
        return np.array(_lines(dataset, value), dtype=object)
    return np.asarray(value)


def _cell_73(file: Any, name: str, dataset: Any) -> Any:
    """Return what a cell holds; whole numbers without a class are characters, as h5py writes them."""
    value = _value_73(file, name, dataset)
    if value.dtype.kind == "u" and "MATLAB_class" not in dataset.attrs:
        return _lines(dataset, dataset[()])[0]
    return value


def _lines(dataset: Any, characters: NDArray[Any]) -> list[str]:
    """Return a char array as texts; for an empty one the file stores its shape instead of characters."""
    if "MATLAB_empty" in dataset.attrs:
        return [""]
    lines = np.atleast_2d(characters).T if np.ndim(characters) > 1 else [np.ravel(characters)]
    return ["".join(map(chr, line)) for line in lines]
