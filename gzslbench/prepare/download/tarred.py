"""Tar archives, packed with gzip."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from gzslbench.prepare.download.member import Member, intact, without_dot

_LONGEST_READ = 2**22
"""Bytes: no header is longer, and members are read in smaller pieces."""

_PADDING = 2**25
"""Bytes that may follow the last member."""


class Sparing:
    """A stream that refuses to read much at once: a header may claim to be of any length."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes."""
        if not 0 <= size <= _LONGEST_READ:
            raise ValueError(f"a header of {size} bytes")
        return self.stream.read(size)

    def seek(self, position: int) -> int:
        """Go to a byte."""
        return self.stream.seek(position)

    def tell(self) -> int:
        """The byte that comes next."""
        return self.stream.tell()


@dataclass(frozen=True)
class Tar:
    """The archive ``path``."""

    path: Path

    def members(self) -> Iterator[Member]:
        """What its headers tell of, in their order; the bytes between them are unpacked and passed over.

        Raises:
            DataError: It is damaged.
        """
        with intact(self.path), self._opened() as archive:
            for entry in archive:
                yield _member(entry)

    def contents(self, names: Collection[str]) -> Iterator[tuple[Member, IO[bytes]]]:
        """The files called ``names``, each to be read before the next is asked for.

        Raises:
            DataError: It is damaged.
        """
        with intact(self.path), self._opened() as archive:
            for entry in archive:
                member = _member(entry)
                if member.kind == "file" and member.name in names:
                    with cast("IO[bytes]", archive.extractfile(entry)) as stream:
                        yield member, stream

    @contextmanager
    def _opened(self) -> Iterator[tarfile.TarFile]:
        with gzip.open(self.path) as stream:
            sparing = cast("IO[bytes]", Sparing(cast("IO[bytes]", stream)))
            with tarfile.open(fileobj=sparing, mode="r:") as archive:
                yield archive
            _check_end(stream)


def _check_end(stream: gzip.GzipFile) -> None:
    """Read what pads the archive, after which gzip tells whether all of it came."""
    for _ in range(_PADDING // _LONGEST_READ):
        if not stream.read(_LONGEST_READ):
            return
    raise ValueError(f"more than {_PADDING} bytes after its end")


def _member(entry: tarfile.TarInfo) -> Member:
    return Member(without_dot(entry.name), entry.size, _kind(entry))


def _kind(entry: tarfile.TarInfo) -> str:
    if entry.issym() or entry.islnk():
        return "link"
    if entry.isdir():
        return "folder"
    if entry.issparse():
        return "sparse file"
    return "file" if entry.isreg() else "special file"
