"""Find the class folders below a folder, and the images in them; compare names of classes."""

from __future__ import annotations

import difflib
import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gzslbench.errors import DataError
from gzslbench.files import reading

SUFFIXES = frozenset(
    (".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)


@dataclass(frozen=True)
class ClassFolder:
    """A class, with its name in Unicode's composed form, and the paths of its images below the top folder."""

    name: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Images:
    """The classes of a folder, sorted by name, and the files that are left out, with the reasons."""

    classes: tuple[ClassFolder, ...]
    left_out: tuple[str, ...]


def compose(name: str) -> str:
    """Return the name in Unicode's composed form (NFC): é is one letter, on every system."""
    return unicodedata.normalize("NFC", name)


def check_unique(names: Iterable[tuple[str, str]]) -> None:
    """Raise a DataError if two of the names, given with their places, differ only in upper and lower case."""
    places: dict[str, tuple[str, str]] = {}
    for name, place in names:
        before = places.setdefault(name.casefold(), (name, place))
        if before != (name, place):
            differing = "" if name == before[0] else f", and {before[0]!r} differs only in case"
            raise DataError(
                f"the class {name!r} is repeated{differing}",
                where=f"{before[1]} and {place}",
                fix="give each class its own name, which differs from others in more than case",
            )


def suggest(name: str, known: Sequence[str]) -> str:
    """Return `` (did you mean 'x'?)``, or an empty text if no name is similar."""
    by_lower = {known_name.casefold(): known_name for known_name in known}
    near = difflib.get_close_matches(name.casefold(), by_lower, n=1, cutoff=0.5)
    return f" (did you mean {by_lower[near[0]]!r}?)" if near else ""


def find_images(folder: Path) -> Images:
    """Find every file below a class folder, at any depth and through links, with the suffix of an image.

    Hidden files and folders, empty files, other files and those outside of class folders are left out.
    """
    left_out: list[str] = []
    found: dict[tuple[int, int], Path] = {}

    def leave_out(path: Path, why: str) -> None:
        left_out.append(f"{os.fsencode(path.relative_to(folder)).decode(errors='replace')}: {why}")

    def walk(path: Path) -> Iterator[str]:
        status = path.stat()
        before = found.setdefault((status.st_dev, status.st_ino), path)
        if before != path:
            what = "this is found twice, by a link"
            raise DataError(what, where=f"{before} and {path}", fix="remove one of the two")
        if not path.is_dir():
            yield path.relative_to(folder).as_posix()
            return
        for inside in sorted(path.iterdir()):
            if why := _why_not(inside):
                leave_out(inside, why)
            else:
                _check_name(inside)
                yield from walk(inside)

    classes = []
    with reading(folder, DataError):
        status = folder.stat()
        found[status.st_dev, status.st_ino] = folder
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or not path.is_dir():
                leave_out(path, "hidden" if path.name.startswith(".") else "in no class folder")
                continue
            _check_name(path)
            files = sorted(walk(path), key=lambda file: (compose(file), file))
            classes.append(ClassFolder(compose(path.name), tuple(files)))
    check_unique((item.name, f"{folder / item.name}") for item in classes)
    if not classes:
        raise DataError("no class folder", where=folder, fix="put the images of each class in a folder")
    return Images(tuple(sorted(classes, key=lambda item: item.name)), tuple(left_out))


def _why_not(path: Path) -> str:
    """Return why a file or folder is left out; empty if it is not."""
    if path.name.startswith("."):
        return "hidden"
    if path.is_dir():
        return ""
    if not path.exists():
        return "a link that leads nowhere"
    if path.suffix.lower() not in SUFFIXES:
        return "not an image, according to its suffix"
    return "" if path.is_file() and path.stat().st_size else "empty"


def _check_name(path: Path) -> None:
    """Refuse names that a list in a text file would not keep."""
    name = path.name
    if name.strip() != name or not name.isprintable():  # bytes that are not UTF-8 are not printable
        where = os.fsencode(path).decode(errors="replace")
        what = "the name begins or ends with a space, or is not printable UTF-8"
        raise DataError(what, where=where, fix="rename it")
