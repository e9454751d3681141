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
Identity = tuple[int, int]


@dataclass(frozen=True)
class ClassFolder:
    """A class and its images.

    Attributes:
        name: Of its folder, in Unicode's composed form.
        files: Paths below the folder of all classes, with slashes, sorted.
    """

    name: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Images:
    """The content of a folder of class folders.

    Attributes:
        classes: Sorted by name; a class may have no image.
        left_out: Files that are not images, with the reasons.
    """

    classes: tuple[ClassFolder, ...]
    left_out: tuple[str, ...]


def compose(name: str) -> str:
    """Return the name in Unicode's composed form (NFC): é is one letter, whichever system wrote it."""
    return unicodedata.normalize("NFC", name)


def check_unique(names: Iterable[tuple[str, str]]) -> None:
    """Raise a DataError if two names are equal or differ only in upper and lower case.

    Args:
        names: Names and the places where they are written.
    """
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

    Raises:
        DataError: A folder may not be read, a link leads back to a folder above it, names of two classes
            differ only in case, a name cannot be written to a list, or an image is found twice.
    """
    with reading(folder, DataError):
        search = _Search(folder)
        class_folders = [path for path in sorted(folder.iterdir()) if search.is_class(path)]
        for path in class_folders:
            _check_class_name(path)
        check_unique((compose(path.name), f"{path}") for path in class_folders)
        classes = [ClassFolder(compose(path.name), search.find_files(path)) for path in class_folders]
    if not classes:
        raise DataError("no class folder", where=folder, fix="put the images of each class in a folder")
    return Images(tuple(sorted(classes, key=lambda item: item.name)), tuple(search.left_out))


class _Search:
    """Walks over class folders, and remembers what it found and what it left out."""

    def __init__(self, images: Path) -> None:
        self.images = images
        self.left_out: list[str] = []
        self.found: dict[Identity, Path] = {}

    def is_class(self, path: Path) -> bool:
        """Return whether ``path`` is a class folder; remember it as left out if not."""
        why = "hidden" if path.name.startswith(".") else "" if path.is_dir() else "in no class folder"
        if why:
            self._leave_out(path, why)
        return not why

    def find_files(self, folder: Path) -> tuple[str, ...]:
        """Return the images below a class folder."""
        files = []
        for path in self._walk(folder, (_identity(self.images),)):
            _check_text(path)
            before = self.found.setdefault(_identity(path), path)
            if before != path:
                what = "an image is found twice, by a link"
                raise DataError(what, where=f"{before} and {path}", fix="remove one of the two")
            files.append(path.relative_to(self.images).as_posix())
        return tuple(sorted(files, key=lambda file: (compose(file), file)))

    def _walk(self, folder: Path, above: tuple[Identity, ...]) -> Iterator[Path]:
        if _identity(folder) in above:
            raise DataError("the link leads back to a folder above it", where=folder, fix="remove the link")
        for path in sorted(folder.iterdir()):
            why = _why_not(path)
            if why:
                self._leave_out(path, why)
            elif path.is_dir():
                yield from self._walk(path, (*above, _identity(folder)))
            else:
                yield path

    def _leave_out(self, path: Path, why: str) -> None:
        name = os.fsencode(path.relative_to(self.images)).decode(errors="replace")
        self.left_out.append(f"{name}: {why}")


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


def _identity(path: Path) -> Identity:
    found = path.stat()
    return found.st_dev, found.st_ino


def _check_text(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        where = os.fsencode(path).decode(errors="replace")
        raise DataError("the name is not UTF-8", where=where, fix="rename it") from error


def _check_class_name(folder: Path) -> None:
    _check_text(folder)
    if folder.name != folder.name.strip() or not folder.name.isprintable():
        what = f"the class folder {folder.name!r} begins or ends with a space, or its name cannot be printed"
        raise DataError(what, where=folder.parent, fix="rename it")
