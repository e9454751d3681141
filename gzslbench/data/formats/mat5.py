"""Read MATLAB 5 files: arrays of numbers, texts and cells.

No size in the file is used before it is compared with what is there. That is why scipy is not used, which
crashes on damaged bytes. Layout: MathWorks, "MAT-File Format", level 5.

Whatever is wrong with the content is a ValueError.
"""

from __future__ import annotations

import math
import mmap
import struct
import zlib
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.formats.numpy_files import most_unpacked

_HEADER, _HEAD_OF_VARIABLE, _PIECE = 128, 4096, 1 << 16
_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""The types in which numbers are stored, by the number of an element's type."""
_CHARACTERS = {1: "utf-8", 2: "utf-8", 3: "utf-16", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_CELL, _CHAR, _SPARSE, _OPAQUE = 1, 4, 5, 17
_NUMERIC = range(6, 16)
_DEEPEST = 8
"""Cells in cells that are read."""


class OtherKindError(Exception):
    """A variable is of a kind that is not read, in a healthy file."""

    def __init__(self, name: str, what: str, fix: str) -> None:
        super().__init__(name, what, fix)  # so that it comes back from another process
        self.name, self.what, self.fix = name, what, fix


def sparse_error(name: str) -> OtherKindError:
    """Return the error for a sparse matrix."""
    return OtherKindError(name, "it is a sparse matrix", "store it as a full one: in MATLAB, full(x)")


def read_mat5(path: Path, wanted: Container[str]) -> dict[str, NDArray[Any]]:
    """Read the variables of ``wanted`` that the file has, shaped as MATLAB shows them.

    Numbers keep the type in which they are stored; large ones are not copied into memory. Cells and texts
    become arrays of objects, a text for each row of characters.

    Raises:
        ValueError: The file is damaged.
        OtherKindError: A variable is sparse, a struct or an object, or the file is of MATLAB 4.
    """
    return {
        header.name: _read_value(block, header)
        for block, header in _variables(path, wanted)
        if header.name in wanted
    }


def names_in_mat5(path: Path) -> set[str]:
    """Return the names of all variables; errors as for ``read_mat5``."""
    return {header.name for _, header in _variables(path, ())}


@dataclass(frozen=True)
class _Block:
    """A part of the file, or what a part unpacks to."""

    content: memoryview
    order: str

    def element(self, at: int, end: int) -> tuple[int, int, int, int]:
        """Return type, start and size of the content of the element at ``at``, and where the next begins."""
        if at + 8 > end:
            raise ValueError(f"an element begins at byte {at}, and its block ends at {end}")
        kind, size = struct.unpack_from(f"{self.order}II", self.content, at)
        if kind >> 16:  # a small element: its size, its type, and at most four bytes
            kind, size, body, following = kind & 0xFFFF, kind >> 16, at + 4, at + 8
        else:
            body = at + 8
            following = body + size + (0 if kind == _COMPRESSED else -size % 8)
        if body + size > min(end, following):
            raise ValueError(f"the element at byte {at} is longer than its block")
        return kind, body, size, following

    def numbers(self, at: int, end: int) -> tuple[NDArray[Any], int]:
        """Return the numbers of an element, and where the next begins."""
        kind, body, size, following = self.element(at, end)
        if kind not in _NUMBERS:
            raise ValueError(f"the element at byte {at} has no numbers")
        dtype = np.dtype(self.order + _NUMBERS[kind])
        if size % dtype.itemsize:
            raise ValueError(f"the element at byte {at} ends within a number")
        return np.frombuffer(self.content, dtype, size // dtype.itemsize, body), following


@dataclass(frozen=True)
class _Header:
    """What comes before the values of a matrix, and where these are."""

    kind: int
    is_complex: bool
    shape: tuple[int, ...]
    name: str
    start: int
    end: int


def _variables(path: Path, wanted: Container[str]) -> Iterator[tuple[_Block, _Header]]:
    """Yield the variables of a file; one that is compressed and not wanted ends after its header."""
    with path.open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    mark = bytes(content[126:128])
    if mark not in (b"IM", b"MI"):
        if len(content) >= 20 and not all(content[:4]):  # MATLAB 4 begins with a number
            what = "it is a file of MATLAB 4, or damaged"
            raise OtherKindError("", what, "write it with save -v7, or download it again")
        raise ValueError("not a MATLAB 5 file")
    block, at = _Block(content, "<" if mark == b"IM" else ">"), _HEADER
    while at < len(content):
        kind, body, size, following = block.element(at, len(content))
        if kind == _MATRIX:
            yield block, _read_header(block, body, body + size)
        elif kind == _COMPRESSED:
            yield _unpack(block, content[body : body + size], wanted)
        else:
            raise ValueError(f"the element at byte {at} contains no variable")
        at = following


def _unpack(block: _Block, packed: memoryview, wanted: Container[str]) -> tuple[_Block, _Header]:
    try:
        head = zlib.decompressobj().decompress(packed, _HEAD_OF_VARIABLE)
        inner = _Block(memoryview(head), block.order)
        kind, size = struct.unpack_from(f"{block.order}II", inner.content)
        header = _read_header(inner, 8, min(8 + size, len(head)))
        if header.name in wanted:
            if size > most_unpacked(len(packed)):
                raise ValueError(f"{len(packed)} bytes unpack to {size}")
            inner = _Block(memoryview(_decompress(packed, 8 + size)), block.order)
            header = _read_header(inner, 8, 8 + size)
    except (zlib.error, struct.error) as error:
        raise ValueError(f"a compressed variable is damaged: {error}") from error
    if kind != _MATRIX:
        raise ValueError("a compressed element contains no variable")
    return inner, header


def _decompress(packed: memoryview, size: int) -> bytearray:
    """Unpack to ``size`` bytes, piece by piece: zlib would join a large result, which takes longer."""
    stream, content, at = zlib.decompressobj(), bytearray(size), 0
    for start in range(0, len(packed), _PIECE):
        piece = stream.decompress(packed[start : start + _PIECE], size + 1 - at)
        content[at : at + len(piece)] = piece  # a longer result makes it longer
        at += len(piece)
    if at != size or not stream.eof:  # the checksum is at the end
        raise ValueError(f"{len(packed)} bytes do not unpack to {size}")
    return content


def _read_header(block: _Block, at: int, end: int) -> _Header:
    if at == end:  # an empty matrix in a cell
        return _Header(_NUMERIC[0], False, (0, 0), "", at, end)
    kind, body, size, following = block.element(at, end)
    if (kind, size) != (_UINT32, 8):
        raise ValueError(f"the matrix at byte {at} has no flags")
    (flags,) = struct.unpack_from(f"{block.order}I", block.content, body)
    matrix, shape = flags & 0xFF, (1, 1)
    if matrix != _OPAQUE:
        kind, body, size, following = block.element(following, end)
        if kind != _INT32 or size % 4 or not 8 <= size <= 128:
            raise ValueError(f"the matrix at byte {at} has no dimensions")
        shape = struct.unpack_from(f"{block.order}{size // 4}i", block.content, body)
        if min(shape) < 0:
            raise ValueError(f"the matrix at byte {at} has dimensions {shape}")
    kind, body, size, following = block.element(following, end)
    if kind != _INT8:
        raise ValueError(f"the matrix at byte {at} has no name")
    name = bytes(block.content[body : body + size]).decode("latin-1")
    return _Header(matrix, bool(flags >> 11 & 1), shape, name, following, end)


def _read_value(block: _Block, header: _Header, depth: int = 0) -> NDArray[Any]:
    count = math.prod(header.shape)
    if header.kind in _NUMERIC:
        if header.start == header.end and not count:
            return np.empty(header.shape)
        values, following = block.numbers(header.start, header.end)
        if header.is_complex:
            values = values + 1j * block.numbers(following, header.end)[0]
        if len(values) != count:
            raise ValueError(f"{header.name} has {len(values)} numbers for the shape {header.shape}")
        return values.reshape(header.shape, order="F")
    if header.kind == _CHAR:
        return np.array(_read_texts(block, header), dtype=object)
    if header.kind == _CELL:
        return _read_cells(block, header, count, depth)
    if header.kind == _SPARSE:
        raise sparse_error(header.name)
    if header.kind == _OPAQUE:
        what, fix = (
            "it is of MATLAB's class string, or an object",
            "convert it with cellstr before you save it",
        )
        raise OtherKindError(header.name, what, fix)
    raise OtherKindError(header.name, "it is a struct or an object", "store an array or a cell array")


def _read_cells(block: _Block, header: _Header, count: int, depth: int) -> NDArray[Any]:
    if depth > _DEEPEST or 8 * count > header.end - header.start:
        raise ValueError(f"{header.name} has {count} cells in {header.end - header.start} bytes")
    cells, at = np.empty(count, dtype=object), header.start
    for number in range(count):
        kind, body, size, at = block.element(at, header.end)
        if kind != _MATRIX:
            raise ValueError(f"cell {number + 1} of {header.name} is no matrix")
        inner = _read_header(block, body, body + size)
        texts = _read_texts(block, inner) if inner.kind == _CHAR else None
        cells[number] = _read_value(block, inner, depth + 1) if texts is None else "".join(texts)
    return cells.reshape(header.shape, order="F")


def _read_texts(block: _Block, header: _Header) -> list[str]:
    """Return the text in each row of a char array."""
    count = math.prod(header.shape)
    if not count:
        return []
    kind, body, size, _ = block.element(header.start, header.end)
    if kind not in _CHARACTERS:
        raise ValueError(f"{header.name} has no characters")
    codec = _CHARACTERS[kind]
    codec += "" if codec == "utf-8" else "-le" if block.order == "<" else "-be"
    text = bytes(block.content[body : body + size]).decode(codec)
    rows = header.shape[0]
    if rows == 1 and len(text) <= count:  # MATLAB counts some characters twice
        return [text]
    if len(text) != count:
        raise ValueError(f"{header.name} has {len(text)} characters for the shape {header.shape}")
    return [text[row::rows] for row in range(rows)]
