"""Which members of an archive go where, once all that could do harm is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from gzslbench.errors import DataError
from gzslbench.plugins.dataset import Archive
from gzslbench.prepare.download.disk import in_words
from gzslbench.prepare.download.member import Member

MOST_MEMBERS = 200_000
"""Entries that an archive may have; the largest known one has about 75,000."""
LARGEST_RATIO = 200
"""How many times the archive's size its members may have; the known ones stay below 20."""
_SLACK = 2**20
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]|^[A-Za-z]:")
_LONGEST_NAME = 255


@dataclass(frozen=True)
class Choice:
    """What is taken of an archive.

    Attributes:
        places: From a member's name to its path below the dataset's folder.
        sizes: From a member's name to its bytes, as the archive tells.
    """

    places: Mapping[str, PurePosixPath]
    sizes: Mapping[str, int]


def bounded(members: Iterable[Member], path: Path) -> Iterator[Member]:
    """The members of the archive ``path``, no further than is sound.

    Raises:
        DataError: They are too many, or would unpack to too many bytes for the archive's size.
    """
    packed = path.stat().st_size
    most = LARGEST_RATIO * packed + _SLACK
    total = 0
    for count, member in enumerate(members, start=1):
        total += member.size
        if count > MOST_MEMBERS:
            raise _refusal(f"it has more than {MOST_MEMBERS} entries", path)
        if total > most:
            raise _refusal(f"{in_words(packed)} would unpack to more than {in_words(most)}", path)
        yield member


def choose(members: Iterable[Member], archive: Archive, path: Path) -> Choice:
    """The wanted files among ``members``.

    Args:
        members: All that is in the archive; read no further than to the first that is refused.
        archive: Which of them are wanted, and where they go.
        path: The archive, for its size and for errors.

    Raises:
        DataError: A wanted member would leave the folder, is no plain file or folder, or meets another one
            in its place; the archive has more entries or would unpack to more bytes than is sound; or it
            holds none of what is wanted.
    """
    places: dict[str, PurePosixPath] = {}
    sizes: dict[str, int] = {}
    taken: set[str] = set()
    for member in bounded(members, path):
        key = archive.taker(member.name)
        if key is None or member.kind == "folder":
            continue
        if member.kind != "file":
            raise _refusal(f"{member.name!r} is a {member.kind}", path)
        if member.name in places:
            raise _refusal(f"{member.name!r} is in it twice", path)
        places[member.name] = check_name(archive.place(member.name), path)
        sizes[member.name] = member.size
        taken.add(key)
    missing = [key for key in archive.wanted if key not in taken]
    if missing:
        raise DataError(f"the archive has no {', '.join(missing)}", where=path, fix=_NOT_WHAT)
    _check_clashes(places.values(), path)
    return Choice(places, sizes)


def check_name(name: str, path: Path) -> PurePosixPath:
    """A member's place as a path that stays where it is put.

    Raises:
        DataError: It is absolute, climbs, or has a name that some system reads in another way.
    """
    parts = name.split("/")
    try:
        sizes = [len(part.encode()) for part in parts]
    except UnicodeEncodeError:
        sizes = [0]
    plain = all(part not in ("", ".", "..") for part in parts) and _UNSAFE.search(name) is None
    if not plain or not all(0 < each <= _LONGEST_NAME for each in sizes):
        raise _refusal(f"{name!r} is no name of a file below a folder", path)
    return PurePosixPath(name)


def _check_clashes(places: Iterable[PurePosixPath], path: Path) -> None:
    """See to it that no two are one file, or one the folder of another, on any file system."""
    by_key: dict[str, PurePosixPath] = {}
    for place in places:
        other = by_key.setdefault(_key(place), place)
        if other is not place:
            raise _refusal(f"{str(other)!r} and {str(place)!r} are one file on some disks", path)
    for place in list(by_key.values()):
        for folder in place.parents:
            if _key(folder) in by_key:
                raise _refusal(f"{str(folder)!r} is both a file and a folder", path)


def _key(place: PurePosixPath) -> str:
    return normalize("NFC", str(place)).casefold()


_NOT_WHAT = "check that it is the archive that it should be; then remove it and fetch it again"


def _refusal(what: str, path: Path) -> DataError:
    return DataError(f"the archive is not unpacked: {what}", where=path, fix=_NOT_WHAT)
