"""Zip archives."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gzslbench.prepare.download.member import Member, intact, without_dot

_ENCRYPTED = 0x1


@dataclass(frozen=True)
class Zip:
    """The archive ``path``."""

    path: Path

    def members(self) -> Iterator[Member]:
        """What its directory tells of.

        Raises:
            DataError: It is damaged.
        """
        with intact(self.path), zipfile.ZipFile(self.path) as archive:
            entries = archive.infolist()
        yield from map(_member, entries)

    def contents(self, names: Collection[str]) -> Iterator[tuple[Member, IO[bytes]]]:
        """The files called ``names``, each to be read before the next is asked for.

        Raises:
            DataError: It is damaged.
        """
        with intact(self.path), zipfile.ZipFile(self.path) as archive:
            for entry in archive.infolist():
                member = _member(entry)
                if member.kind == "file" and member.name in names:
                    with archive.open(entry) as stream:
                        yield member, stream


def _member(entry: zipfile.ZipInfo) -> Member:
    """An entry by its name as stored: ``filename`` ends at a NUL."""
    return Member(without_dot(entry.orig_filename), entry.file_size, _kind(entry))


def _kind(entry: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "special file"
    if entry.flag_bits & _ENCRYPTED:
        return "encrypted file"
    return "folder" if kind == stat.S_IFDIR or entry.is_dir() else "file"
