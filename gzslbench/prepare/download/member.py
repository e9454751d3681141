"""One entry of an archive, and reading it without trust in its number of bytes."""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import BadGzipFile
from pathlib import Path
from typing import IO

from gzslbench.errors import DataError

_PIECE = 2**18
_DAMAGE = (
    BadGzipFile,
    EOFError,
    LookupError,
    OverflowError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Member:
    """An entry as the archive tells of it.

    Attributes:
        name: Its path in the archive, without a leading ``./``.
        size: Bytes that it says to unpack to.
        kind: ``file``, ``folder``, or what else it is, for example ``link``.
    """

    name: str
    size: int
    kind: str


def without_dot(name: str) -> str:
    """A member's name without the leading ``./`` that some archives have."""
    while name.startswith("./"):
        name = name[2:]
    return name


@contextmanager
def intact(path: Path) -> Iterator[None]:
    """Turn what reading a damaged archive raises into a DataError."""
    try:
        yield
    except _DAMAGE as error:
        raise DataError(
            f"the archive is damaged: {error or type(error).__name__}", where=path, fix="fetch it again"
        ) from error
    except OSError as error:
        raise DataError(
            f"cannot be read: {error.strerror or error}", where=path, fix="check the disk that it lies on"
        ) from error


def pieces(stream: IO[bytes], member: Member, path: Path) -> Iterator[bytes]:
    """The bytes of a member; they must be as many as it says.

    Raises:
        DataError: They are more or fewer, or the archive ``path`` is damaged.
    """
    done = 0
    while True:
        with intact(path):
            piece = stream.read(_PIECE)
        done += len(piece)
        if done > member.size or (not piece and done < member.size):
            raise DataError(
                f"{member.name} unpacks to {'more' if piece else 'fewer'} than its {member.size} bytes",
                where=path,
                fix="fetch it again",
            )
        if not piece:
            return
        yield piece
