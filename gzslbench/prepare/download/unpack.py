"""Unpack the wanted members of a zip or tar archive into a dataset's folder."""

from __future__ import annotations

import filecmp
import gzip
import lzma
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from gzslbench.errors import DataError
from gzslbench.files import format_size
from gzslbench.plugins.dataset import Archive
from gzslbench.prepare.download.download import Progress, writing

MAX_RATIO = 200
"""How many times the archive's size its members may have; the known ones stay below 20."""
MAX_LISTED = 5
_MIB = 2**20
# What the standard library raises on damaged archives, and on unsafe or encrypted members.
_DAMAGED = (
    *(gzip.BadGzipFile, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, struct.error),
    *(EOFError, LookupError, OverflowError, RuntimeError, ValueError),
)


@dataclass(frozen=True)
class Member:
    """An entry of an archive: its name, unpacked bytes and kind (``file``, ``folder``, ``link or device``).

    ``extract`` writes it to a path below a folder; it is called before the next member is read.
    """

    name: str
    size: int
    kind: str
    extract: Callable[[str, Path], object]


def unpack(path: Path, archive: Archive, folder: Path, *, force: bool, progress: Progress) -> tuple[int, int]:
    """Write the wanted members of the archive ``path`` below ``folder``.

    All of them are first unpacked to a hidden folder there, and then moved. So an archive that is refused
    writes nothing, and a killed process leaves no incomplete file under a final name. Without ``force`` an
    existing file with another content is an error. Returns how many files were written, and how many were
    there already.
    """
    staging = folder / f".unpacking-{path.name}"
    shutil.rmtree(staging, ignore_errors=True)  # of a killed process
    try:
        with writing(folder):
            staging.mkdir(parents=True)
            progress.begin(f"unpacking {path.name}", None)
            staged = _extract_wanted(path, archive, staging, progress)
        return _move(staged, staging, folder, archive, force)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        with suppress(OSError):
            folder.rmdir()  # works only if it is empty: a refused archive leaves no folder


def _extract_wanted(path: Path, archive: Archive, staging: Path, progress: Progress) -> set[Path]:
    """Extract the wanted members below ``staging``; return their files."""
    extracted: set[Path] = set()
    found: set[str] = set()
    with _explain_damage(path):
        for member in _read_members(path, archive.name):
            key = archive.taker(member.name)
            if key is None or member.kind == "folder":
                continue
            place = archive.place(member.name)
            if member.kind != "file":
                raise _refusal(f"{member.name!r} is a {member.kind}", path)
            if ".." in PurePosixPath(place).parts or place.startswith("/"):
                raise _refusal(f"{member.name!r} would leave the folder", path)
            member.extract(place, staging)
            extracted.add(staging / place)
            found.add(key)
            progress.advance(member.size)
    missing = [key for key in archive.wanted if key not in found]
    if missing:
        raise DataError(f"the archive has no {', '.join(missing)}", where=path, fix=_advice(path))
    return extracted


def _move(staged: set[Path], staging: Path, folder: Path, archive: Archive, force: bool) -> tuple[int, int]:
    """Move the files from ``staging`` to ``folder``, except those that are there already."""
    missing: dict[Path, Path] = {}
    for file in sorted(staged):
        target = folder / file.relative_to(staging)
        with writing(target):
            if not target.is_file() or not filecmp.cmp(file, target, shallow=False):
                missing[target] = file
    differing = [target for target in missing if target.exists() or target.is_symlink()]
    if differing and not force:
        more = f" and {len(differing) - MAX_LISTED} more" if len(differing) > MAX_LISTED else ""
        raise DataError(
            f"{len(differing)} files exist and differ from those in {archive.name}; nothing was written",
            where=", ".join(map(str, differing[:MAX_LISTED])) + more,
            fix="keep them and do not fetch, move them away, or overwrite them with --force",
        )
    for target, file in missing.items():
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)
    return len(missing), len(staged) - len(missing)


def _read_members(path: Path, name: str) -> Iterator[Member]:
    """Yield the members of an archive; refuse one that unpacks to far more than the known archives do."""
    limit = MAX_RATIO * path.stat().st_size + _MIB
    if name.lower().endswith(".zip"):
        members = _zip_members(path)
    elif name.lower().endswith((".tgz", ".tar.gz")):
        members = _tar_members(path)
    else:  # a file that is not an archive is its own only member
        copy = Member(name, path.stat().st_size, "file", lambda place, to: shutil.copy(path, to / place))
        members = iter([copy])
    total = 0
    for member in members:
        total += member.size
        if total > limit:
            raise _refusal(f"it would unpack to more than {format_size(limit)}", path)
        yield member


def _zip_members(path: Path) -> Iterator[Member]:
    def extract(entry: zipfile.ZipInfo, place: str, folder: Path) -> None:
        entry.filename = place
        archive.extract(entry, folder)

    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            mode = stat.S_IFMT(entry.external_attr >> 16)
            kind = "file" if mode in (0, stat.S_IFREG) else "link or device"
            kind = "folder" if entry.is_dir() or mode == stat.S_IFDIR else kind
            yield Member(entry.filename, entry.file_size, kind, partial(extract, entry))


def _tar_members(path: Path) -> Iterator[Member]:
    def extract(entry: tarfile.TarInfo, place: str, folder: Path) -> None:
        archive.extract(entry.replace(name=place, deep=False), folder, set_attrs=False, filter="data")

    with gzip.open(path) as stream:
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            for entry in archive:
                kind = "folder" if entry.isdir() else "file" if entry.isreg() else "link or device"
                yield Member(entry.name.removeprefix("./"), entry.size, kind, partial(extract, entry))
        while stream.read(_MIB):  # gzip compares its checksum only at the very end
            pass


@contextmanager
def _explain_damage(path: Path) -> Iterator[None]:
    """Turn what the standard library raises on a damaged archive into a DataError."""
    try:
        yield
    except _DAMAGED as error:
        what = f"the archive is damaged or unsafe: {error or type(error).__name__}"
        raise DataError(what, where=path, fix=_advice(path)) from error


def _refusal(what: str, path: Path) -> DataError:
    return DataError(f"the archive is not unpacked: {what}", where=path, fix=_advice(path))


def _advice(path: Path) -> str:
    return f"check that it is the right archive; then remove it and {path.name}.json, and fetch again"
