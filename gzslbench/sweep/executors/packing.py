"""Large values on their way into other processes: pickled once, their arrays mapped and not copied."""

from __future__ import annotations

import mmap
import pickle
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np

ALIGNED = 64
"""Bytes; arrays begin at multiples, as numpy allocates them."""


@dataclass(frozen=True)
class Packed:
    """A pickle, and the memory of its arrays beside it."""

    pickle: bytes
    buffers: Sequence[np.ndarray[Any, Any]]


def pack(value: Any) -> Packed:
    """Pickle a value; its arrays are referred to and not copied."""
    buffers: list[pickle.PickleBuffer] = []
    content = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    return Packed(content, [np.frombuffer(buffer.raw(), np.uint8) for buffer in buffers])


def write_packed(packed: Packed, path: Path) -> None:
    """Write it so that ``read_value`` can map it; there it is whole or not at all."""
    parts = [np.frombuffer(packed.pickle, np.uint8), *packed.buffers]
    lengths = [part.nbytes for part in parts]
    scratch = path.with_name(f".{path.name}.part")
    with scratch.open("wb") as file:
        file.write(struct.pack(f"<Q{len(lengths)}Q", len(lengths), *lengths))
        for part in parts:
            file.write(bytes(-file.tell() % ALIGNED))
            file.write(part.data)
    scratch.replace(path)


def read_value(path: Path) -> Any:
    """The value; its arrays are mapped from the file, and changing one changes it for this process alone."""
    with path.open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    (count,) = struct.unpack_from("<Q", content)
    place = 8 * (1 + count)
    parts = []
    for length in struct.unpack_from(f"<{count}Q", content, 8):
        place += -place % ALIGNED
        parts.append(content[place : place + length])
        place += length
    return pickle.loads(parts[0], buffers=parts[1:])


class Files(Protocol):
    """Where values are that jobs share."""

    def file_of(self, value: Any) -> Path:
        """The file that ``read_value`` reads the value from."""
        ...

    def close(self) -> None:
        """No more are asked for."""
        ...


class SharedFiles:
    """Values in files of this machine, each object once; gone when closed."""

    def __init__(self) -> None:
        self._folder: TemporaryDirectory[str] | None = None
        self._files: dict[int, tuple[Any, Path]] = {}

    def file_of(self, value: Any) -> Path:
        """As ``Files.file_of``; it is written when it is first asked for."""
        if id(value) not in self._files:
            self._folder = self._folder or TemporaryDirectory(prefix="gzslbench-")
            file = Path(self._folder.name) / str(len(self._files))
            write_packed(pack(value), file)
            self._files[id(value)] = value, file  # kept alive, so that no other has its id
        return self._files[id(value)][1]

    def close(self) -> None:
        """As ``Files.close``."""
        self._files.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
