"""A folder of class folders, and the photographs in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gzslbench.prepare.build.naming import check_apart, composed
from gzslbench.errors import DataError
from gzslbench.files import reading

SUFFIXES = frozenset(
    (".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
Identity = tuple[int, int]


@dataclass(frozen=True)
class ClassFolder:
    """One class.

    Attributes:
        name: Of its folder, in Unicode's composed form.
        files: Paths below the folder of all classes, with slashes, sorted.
    """

    name: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Photographs:
    """What a folder of class folders holds.

    Attributes:
        classes: Sorted by name; one may have no photograph.
        left_out: Files that are no photographs, each with why.
    """

    classes: tuple[ClassFolder, ...]
    left_out: tuple[str, ...]


def find_photographs(images: Path) -> Photographs:
    """Every file below a class folder, at any depth and through links, whose name ends as pictures' do.

    Hidden files and folders, empty files, files of other kinds and those in no class folder are left out.

    Raises:
        DataError: A folder may not be read, a link leads back to where it lies, two names of classes differ
            in case alone, a name cannot be kept in a list, or one photograph comes twice.
    """
    with reading(images, DataError):
        search = _Search(images)
        folders = [path for path in sorted(images.iterdir()) if search.is_class(path)]
        for folder in folders:
            _check_class_name(folder)
        check_apart((composed(folder.name), f"{folder}") for folder in folders)
        classes = [ClassFolder(composed(folder.name), search.files(folder)) for folder in folders]
    if not classes:
        raise DataError("no class folder", where=images, fix="put the photographs of each class in a folder")
    return Photographs(tuple(sorted(classes, key=lambda each: each.name)), tuple(search.left_out))


class _Search:
    """A walk that remembers what it has seen and what it has left out."""

    def __init__(self, images: Path) -> None:
        self.images = images
        self.left_out: list[str] = []
        self.seen: dict[Identity, Path] = {}

    def is_class(self, path: Path) -> bool:
        """Whether this is a class folder; what else is there is left out."""
        why = "hidden" if path.name.startswith(".") else None if path.is_dir() else "in no class folder"
        if why:
            self._leave(path, why)
        return why is None

    def files(self, folder: Path) -> tuple[str, ...]:
        """The photographs below a class folder."""
        found = []
        for path in self._walk(folder, (_identity(self.images),)):
            self._check(path)
            found.append(path.relative_to(self.images).as_posix())
        return tuple(sorted(found, key=lambda file: (composed(file), file)))

    def _walk(self, folder: Path, above: tuple[Identity, ...]) -> Iterator[Path]:
        if _identity(folder) in above:
            raise DataError("the link leads back to a folder it lies in", where=folder, fix="remove the link")
        for path in sorted(folder.iterdir()):
            why = _why_not(path)
            if why:
                self._leave(path, why)
            elif path.is_dir():
                yield from self._walk(path, (*above, _identity(folder)))
            else:
                yield path

    def _check(self, path: Path) -> None:
        _check_text(path)
        before = self.seen.setdefault(_identity(path), path)
        if before != path:
            raise DataError(
                "one photograph comes twice, by a link",
                where=f"{before} and {path}",
                fix="remove one of them",
            )

    def _leave(self, path: Path, why: str) -> None:
        name = os.fsencode(path.relative_to(self.images)).decode(errors="replace")
        self.left_out.append(f"{name}: {why}")


def _why_not(path: Path) -> str | None:
    """Why a file or folder is left out; None where it is not."""
    if path.name.startswith("."):
        return "hidden"
    if path.is_dir():
        return None
    if not path.exists():
        return "a link that leads nowhere"
    if path.suffix.lower() not in SUFFIXES:
        return "no picture, as its name ends"
    return None if path.is_file() and path.stat().st_size else "empty"


def _identity(path: Path) -> Identity:
    found = path.stat()
    return found.st_dev, found.st_ino


def _check_text(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise DataError(
            "a name that is not UTF-8", where=os.fsencode(path).decode(errors="replace"), fix="rename it"
        ) from error


def _check_class_name(folder: Path) -> None:
    _check_text(folder)
    if folder.name != folder.name.strip() or not folder.name.isprintable():
        raise DataError(
            f"the class folder {folder.name!r} begins or ends with a space, or its name cannot be printed",
            where=folder.parent,
            fix="rename it",
        )
