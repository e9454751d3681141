"""Read .npy and .npz files from outside: header and size are checked before an array is created.

Whatever is wrong with their content is a ValueError of one line.
"""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from collections.abc import Callable, Container
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as numpy_format
from numpy.typing import NDArray

from gzslbench.files import format_size, refuse_stream

UNREADABLE_ZIP = (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What zipfile raises on missing or changed bytes (RuntimeError for flags it does not know)."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HEADERS: dict[tuple[int, int], Callable[..., Any]] = {
    (1, 0): numpy_format.read_array_header_1_0,
    (2, 0): numpy_format.read_array_header_2_0,
}
_LAST_CHARACTER = 0x10FFFF


def most_unpacked(stored: int) -> int:
    """Return to how many bytes a compressed file of ``stored`` bytes may unpack."""
    return max(2**28, 64 * stored)


def check_archive(archive: zipfile.ZipFile, most: int) -> None:
    """Raise a ValueError if the archive unpacks to more than ``most`` bytes, or uses another method."""
    entries = archive.infolist()
    size = sum(entry.file_size for entry in entries)
    if size > most:
        raise ValueError(f"it unpacks to {format_size(size)}, more than {format_size(most)}")
    for entry in entries:
        if entry.compress_type not in _METHODS:
            raise ValueError(f"{entry.filename} is compressed by a method that is not read")


def open_npy(path: Path) -> NDArray[Any]:
    """Return the array of a .npy file as a memory map that cannot be written.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, or holds Python objects.
    """
    refuse_stream(path)
    with path.open("rb") as file:
        shape, order, dtype = _read_header(file, os.fstat(file.fileno()).st_size, path.name)
        offset = file.tell()
    if 0 in shape:
        return np.empty(shape, dtype)
    array = np.memmap(path, dtype, "r", offset, shape, order)  # type: ignore[call-overload]
    return _check_characters(array, path.name)


def npz_names(path: Path) -> list[str]:
    """Return the names of the arrays in a .npz file; errors as for ``read_npz``."""
    with _open_archive(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def read_npz(path: Path, most: int, wanted: Container[str] | None = None) -> dict[str, NDArray[Any]]:
    """Return the arrays of a .npz file by name: all, or those ``wanted`` that it has.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, holds Python objects, or unpacks to more than ``most`` bytes.
    """
    arrays = {}
    with _open_archive(path) as archive:
        check_archive(archive, most)
        for entry in archive.infolist():
            name = entry.filename.removesuffix(".npy")
            if wanted is None or name in wanted:
                try:
                    with archive.open(entry) as stream:
                        shape, order, dtype = _read_header(stream, entry.file_size, name)
                        array: NDArray[Any] = np.frombuffer(bytearray(stream.read()), dtype)
                except UNREADABLE_ZIP as error:
                    raise ValueError(f"{name} is damaged: {error}") from error
                arrays[name] = _check_characters(array.reshape(shape, order=order), name)  # type: ignore[call-overload]
    return arrays


def _open_archive(path: Path) -> zipfile.ZipFile:
    refuse_stream(path)
    path.open("rb").close()  # a missing file is the nearer fault
    try:
        return zipfile.ZipFile(path)
    except UNREADABLE_ZIP as error:
        raise ValueError(f"not an archive: {error}") from error


def _read_header(stream: IO[bytes], size: int, name: str) -> tuple[tuple[int, ...], str, np.dtype[Any]]:
    """Return shape, order and type of the array in a stream of ``size`` bytes that is at its start."""
    if not size:
        raise ValueError(f"{name} is empty")
    try:
        shape, is_fortran, dtype = _HEADERS[numpy_format.read_magic(stream)](stream)
    except Exception as error:  # numpy parses the header as Python, which raises errors of many types
        raise ValueError(f"the header of {name} is damaged, or of another kind of file") from error
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects")
    found, said = size - stream.tell(), math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or not dtype.itemsize or found != said:
        raise ValueError(f"{name} has {found} bytes of values, and its header says {dtype} of shape {shape}")
    return shape, "F" if is_fortran else "C", dtype


def _check_characters(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return the array unless it has texts with numbers that are no characters, on which Python fails."""
    if array.dtype.kind == "U" and array.size:
        numbers = np.ascontiguousarray(array).view(np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
        if numbers.max() > _LAST_CHARACTER:
            raise ValueError(f"{name} has texts of other values than characters")
    return array
