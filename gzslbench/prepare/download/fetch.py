"""Fetch datasets: download their archives, note where they came from, and unpack the wanted files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from gzslbench.data.catalogue import data_root, find_folder
from gzslbench.data.load import verify_dataset
from gzslbench.errors import DataError, did_you_mean
from gzslbench.files import LockedError, is_there, lock, reading, sha256_of, write_atomically
from gzslbench.plugins.dataset import Archive, DatasetSpec
from gzslbench.plugins.registry import plugins
from gzslbench.prepare.download.download import OTHER_FOLDER, Download, Progress, writing
from gzslbench.prepare.download.unpack import unpack

ARCHIVES = "archives"
"""The folder below the data root where archives stay, each with a note of its provenance."""
_FETCH_AGAIN = "remove it and fetch again"


@dataclass(frozen=True)
class Provenance:
    """Where an archive came from (empty if the user put it there), when it was first read, and its bytes."""

    url: str
    date: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Fetched:
    """What a fetch did with one archive for one dataset.

    ``provenance`` is None if the archive was not needed. ``written`` and ``kept`` count files.
    """

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
    """Download the known archives of datasets and unpack the wanted files.

    Args:
        specs: The datasets.
        root: The data root; None takes $GZSLBENCH_DATA, then ./data.
        images: Whether to fetch images too.
        mirror: An http or https folder with copies of the archives; None takes them from where they
            are published.
        force: Whether to overwrite files that exist with another content.
        progress: Receives progress.

    Returns:
        What was done, by dataset and archive. An archive of several datasets is downloaded once.

    Raises:
        DataError: No archive is known, an archive cannot be downloaded or is not what it should be, another
            process fetches it, an existing file differs, or the disk is full.
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
        raise DataError(
            f"no {what} of {spec.name} is known that a program may download",
            where=spec.url or spec.name,
            fix="leave out --images" if chosen else "download its files from there by hand",
        )
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
    if not is_here:
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
        what = (
            f"the archive is not the one of {before.date}: it had {before.size} bytes and the sha256 "
            f"{before.sha256}, and has {found.size} and {found.sha256}"
        )
        trust = f"if you trust the new one, remove {note} and fetch again, which uses the new one"
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
        return Provenance(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        what = f"the note of an archive cannot be read: {error}"
        raise DataError(what, where=path, fix=_FETCH_AGAIN) from error
