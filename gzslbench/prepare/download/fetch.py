"""Fetch datasets: download their archives, note where they came from, and unpack the wanted files."""

from __future__ import annotations

import filecmp
import gzip
import json
import lzma
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path, PurePosixPath

import msgspec

from gzslbench.data.catalogue import data_root, find_folder
from gzslbench.data.load import verify_dataset
from gzslbench.errors import DataError, did_you_mean, shorten
from gzslbench.files import LockedError, format_size, is_there, lock, reading, sha256_of, write_atomically
from gzslbench.plugins.dataset import Archive, DatasetSpec
from gzslbench.plugins.registry import plugins
from gzslbench.prepare.download.download import OTHER_FOLDER, Download, Progress, writing

ARCHIVES = "archives"
"""The folder below the data root where archives stay, each with a note of its provenance."""
_FETCH_AGAIN = "remove it and fetch again"
MAX_RATIO = 200
"""How many times the archive's size its members may have; the known ones stay below 20."""
_MIB = 2**20
# What the standard library raises on damaged archives, and on unsafe or encrypted members.
_DAMAGED = (
    *(gzip.BadGzipFile, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, struct.error),
    *(EOFError, LookupError, OverflowError, RuntimeError, ValueError),
)


@dataclass(frozen=True)
class Provenance:
    """Where an archive came from (empty if the user put it there), when it was first read, and its bytes."""

    url: str
    date: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Fetched:
    """Counts of the files of one archive for one dataset; no ``provenance`` if it was not needed."""

    dataset: str
    folder: Path
    archive: str
    provenance: Provenance | None = None
    written: int = 0
    kept: int = 0


def find_specs(names: Sequence[str]) -> list[DatasetSpec]:
    """Return the datasets of those names without repeats; case does not matter."""
    specs = plugins().datasets()
    by_name = {name.lower(): spec for name, spec in specs.items()}
    for name in names:
        if name.lower() not in by_name:
            raise DataError(f"no dataset {name!r}", fix=did_you_mean(name, list(specs)))
    return [by_name[name] for name in dict.fromkeys(name.lower() for name in names)]


def fetch(
    specs: Sequence[DatasetSpec],
    root: str | Path | None = None,
    *,
    images: bool = False,
    mirror: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> list[Fetched]:
    """Download the known archives of datasets (with ``images`` or without), and unpack the wanted files.

    An archive of several datasets is downloaded once. ``mirror`` is an http or https folder with copies of
    the archives. With ``force`` files that exist with another content are overwritten.
    """
    base, progress = data_root(root), progress or Progress()
    wanted = [(spec, archive) for spec in specs for archive in _archives(spec, images)]
    missing = [pair for pair in wanted if not _is_complete(*pair, base)]
    done = [
        Fetched(spec.name, _folder(spec, base), archive.name)
        for spec, archive in wanted
        if (spec, archive) not in missing
    ]
    if not missing:
        return done
    archives = {archive.name: archive for _, archive in missing}
    with lock_archives(base / ARCHIVES, archives):
        for archive in archives.values():
            if archive.licence:
                progress.log(f"{archive.name}: {archive.licence}")
        origins = {
            name: _obtain(archive, base / ARCHIVES, mirror, progress) for name, archive in archives.items()
        }
        for spec, archive in missing:
            folder = _folder(spec, base)
            path = base / ARCHIVES / archive.name
            written, kept = unpack(path, archive, folder, force=force, progress=progress)
            done.append(Fetched(spec.name, folder, archive.name, origins[archive.name], written, kept))
    return done


@contextmanager
def lock_archives(folder: Path, names: Iterable[str]) -> Iterator[None]:
    """Create the folder of archives, and lock the archives of those names for this process."""
    with ExitStack() as locks:
        for name in sorted(names):
            path = folder / f"{name}.lock"
            try:
                with writing(folder):
                    folder.mkdir(parents=True, exist_ok=True)
                    locks.enter_context(lock(path))
            except LockedError as error:
                what = f"another process is fetching this archive: {error}"
                fix = "wait for it, or stop that process; then fetch again"
                raise DataError(what, where=path, fix=fix) from error
        yield


def _archives(spec: DatasetSpec, images: bool) -> list[Archive]:
    """Return the archives of a dataset that are to be fetched."""
    if spec.load:
        raise DataError(f"{spec.name} is created by a function: there is nothing to fetch")
    chosen = [archive for archive in spec.archives if images or not archive.images]
    if not chosen or (images and not any(archive.images for archive in chosen)):
        what = "archive of images" if chosen else "archive"
        what = f"no {what} of {spec.name} is known that a program may download"
        fix = "leave out --images" if chosen else "download its files from there by hand"
        raise DataError(what, where=spec.url or spec.name, fix=fix)
    return chosen


def _folder(spec: DatasetSpec, base: Path) -> Path:
    """Return the folder where the dataset is or will be."""
    return find_folder(spec.name, base) or base / spec.name


def _is_complete(spec: DatasetSpec, archive: Archive, base: Path) -> bool:
    """Return whether the archive is not here and not needed: all files agree with the catalogue."""
    if archive.images or spec.expected is None or (base / ARCHIVES / archive.name).exists():
        return False
    try:
        return all(
            line.agrees
            for semantics in spec.expected.semantics
            for line in verify_dataset(spec.name, semantics=semantics, root=base)[1]
        )
    except DataError:
        return False


def _obtain(archive: Archive, folder: Path, mirror: str | None, progress: Progress) -> Provenance:
    """Make sure that an archive is in ``folder``, complete and the same as before."""
    path, note = folder / archive.name, folder / f"{archive.name}.json"
    before = _read_note(note)
    download = Download(archive, archive.at(mirror), folder / f"{archive.name}.part", progress)
    is_here = is_there(path, DataError)
    if is_here:
        download.discard()  # a kill came between the archive's new name and the end of its download
    else:
        download.run()
    found = _describe(path, "") if is_here else _describe(download.part, download.url)
    where = str(path) if is_here else download.url
    published = (archive.size or found.size, archive.sha256 or found.sha256)
    if (found.size, found.sha256) != published:
        size, sha256 = published
        what = f"the archive has {found.size} bytes and the sha256 {found.sha256}, not {size} and {sha256}"
        if is_here:
            raise DataError(what, where=where, fix=_FETCH_AGAIN)
        download.discard()
        fix = "fetch again, or name another copy with --mirror"
        raise DataError(f"{what}; it was removed", where=where, fix=fix)
    if before is not None and before.sha256 != found.sha256:
        change = f"it had {before.size} bytes and the sha256 {before.sha256}, and has {found.size} and"
        what = f"the archive is not the one of {before.date}: {change} {found.sha256}"
        trust = f"if you trust the new one, remove {note} and fetch again"
        raise DataError(what, where=where, fix=_FETCH_AGAIN if is_here else trust)
    if before is None:
        write_atomically(note, json.dumps(asdict(found), indent=2) + "\n", DataError, OTHER_FOLDER)
    if not is_here:
        with writing(path):
            download.part.replace(path)
            download.origin_file.unlink(missing_ok=True)
    return before or found


def _describe(path: Path, url: str) -> Provenance:
    with reading(path, DataError):
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return Provenance(url, now, path.stat().st_size, sha256_of(path))


def _read_note(path: Path) -> Provenance | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Provenance)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        what = f"the note of an archive cannot be read: {error}"
        raise DataError(what, where=path, fix=_FETCH_AGAIN) from error


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

    They are first unpacked to a hidden folder there: an archive that is refused writes nothing, and a killed
    process leaves no incomplete file under a final name. Without ``force`` an existing file with another
    content is an error. Returns how many files were written, and how many were there already.
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
    try:
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
    except _DAMAGED as error:
        what = f"the archive is damaged or unsafe: {error or type(error).__name__}"
        raise DataError(what, where=path, fix=_advice(path)) from error
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
        what = f"{len(differing)} files exist and differ from those in {archive.name}; nothing was written"
        fix = "keep them and do not fetch, move them away, or overwrite them with --force"
        raise DataError(what, where=", ".join(shorten(list(map(str, differing)), 5)), fix=fix)
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


def _refusal(what: str, path: Path) -> DataError:
    return DataError(f"the archive is not unpacked: {what}", where=path, fix=_advice(path))


def _advice(path: Path) -> str:
    return f"check that it is the right archive; then remove it and {path.name}.json, and fetch again"
