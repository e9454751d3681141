"""Find the images of a folder that has a folder of images per class."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gzslbench.errors import DataError
from gzslbench.files import reading
from gzslbench.prepare.building.names import check_unique, compose

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
