"""Which kind of archive a file is, by its name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from gzslbench.errors import DataError
from gzslbench.prepare.download.member import Member, intact
from gzslbench.prepare.download.tarred import Tar
from gzslbench.prepare.download.zipped import Zip

_TAR = (".tgz", ".tar.gz")
_PAGE = (b"<!doctype", b"<html", b"<head", b"<?xml")


class Container(Protocol):
    """An archive, read from its beginning to its end."""

    def members(self) -> Iterator[Member]:
        """All that is in it; a DataError where it is damaged."""

    def contents(self, names: Collection[str]) -> Iterator[tuple[Member, IO[bytes]]]:
        """The files called ``names``, each to be read before the next is asked for."""


@dataclass(frozen=True)
class Single:
    """A file that is no archive: it is its own member."""

    path: Path
    name: str

    def members(self) -> Iterator[Member]:
        """The file."""
        with intact(self.path):
            size = self.path.stat().st_size
        yield Member(self.name, size, "file")

    def contents(self, names: Collection[str]) -> Iterator[tuple[Member, IO[bytes]]]:
        """The file, where it is asked for."""
        for member in self.members():
            if member.name in names:
                with intact(self.path), self.path.open("rb") as stream:
                    yield member, stream


def container(path: Path, name: str) -> Container:
    """The archive at ``path``, whose name, once it is whole, is ``name``."""
    if name.lower().endswith(".zip"):
        return Zip(path)
    return Tar(path) if name.lower().endswith(_TAR) else Single(path, name)


def check_beginning(name: str, beginning: bytes, url: str) -> None:
    """See to it that a download does not begin as something else.

    Args:
        name: The file's name, whose ending tells what it should be.
        beginning: Its first bytes.
        url: Where they came from.

    Raises:
        DataError: It is a web page, or no archive of its kind.
    """
    if beginning.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGE):
        what = "a web page came in place of the file"
    elif name.lower().endswith(".zip") and not beginning.startswith(b"PK"):
        what = "what came is no zip archive"
    elif name.lower().endswith(_TAR) and not beginning.startswith(b"\x1f\x8b"):
        what = "what came is not packed with gzip"
    else:
        return
    raise DataError(
        what, where=url, fix="open the address in a browser, which shows what is asked for; or use --mirror"
    )
