"""Fetch datasets: download their archives and unpack the wanted files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gzslbench.data.locate import data_root, find_folder
from gzslbench.errors import DataError, did_you_mean
from gzslbench.files import is_there
from gzslbench.plugins.dataset import Archive, DatasetSpec
from gzslbench.plugins.registry import plugins
from gzslbench.prepare.download.download import Confirm, Progress
from gzslbench.prepare.download.store import (
    Provenance,
    checksums_agree,
    lock_archives,
    obtain,
    write_checksums,
)
from gzslbench.prepare.download.unpack import unpack

ARCHIVES = "archives"
"""The folder below the data root where archives stay, together with their provenance and checksum files."""


@dataclass(frozen=True)
class Fetched:
    """What a fetch did with one archive for one dataset.

    Attributes:
        dataset: The dataset's name.
        folder: Where its files are.
        archive: The archive's name.
        provenance: Where the archive came from; None if all files were there already.
        written: Number of files that were written.
        kept: Number of files that were there already with the same content.
    """

    dataset: str
    folder: Path
    archive: str
    provenance: Provenance | None = None
    written: int = 0
    kept: int = 0


def find_specs(names: Sequence[str]) -> list[DatasetSpec]:
    """Return the datasets of those names without repeats; case does not matter.

    Raises:
        DataError: A name is unknown.
    """
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
    confirm: Confirm = lambda size: None,
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
        confirm: Called before each archive that is downloaded.
        progress: Receives progress.

    Returns:
        What was done, by dataset and archive. An archive of several datasets is downloaded once.

    Raises:
        DataError: No archive is known, an archive cannot be had or is not what it should be, another process
            fetches it, an existing file differs, or the disk is full.
    """
    base, progress = data_root(root), progress or Progress()
    wanted = [(spec, archive) for spec in specs for archive in _archives(spec, images)]
    missing = [pair for pair in wanted if not _is_complete(*pair, base, progress)]
    done = [
        Fetched(spec.name, _folder(spec, base), archive.name)
        for spec, archive in wanted
        if (spec, archive) not in missing
    ]
    archives = {archive.name: archive for _, archive in missing}
    with lock_archives(base / ARCHIVES, archives) if missing else nullcontext():
        for archive in archives.values():
            if archive.licence:
                progress.log(f"{archive.name}: {archive.licence}")
        came = {
            name: obtain(archive, base / ARCHIVES, mirror, confirm, progress)
            for name, archive in archives.items()
        }
        for spec, archive in missing:
            path, folder = base / ARCHIVES / archive.name, _folder(spec, base)
            checksums, written = unpack(path, archive, folder, force=force, progress=progress)
            write_checksums(_checksum_file(spec, archive, base), base, checksums)
            kept = len(checksums) - written
            done.append(Fetched(spec.name, folder, archive.name, came[archive.name], written, kept))
    return done


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


def _checksum_file(spec: DatasetSpec, archive: Archive, base: Path) -> Path:
    return base / ARCHIVES / f"{archive.name}.{quote(spec.name, safe='')}.sha256"


def _is_complete(spec: DatasetSpec, archive: Archive, base: Path, progress: Progress) -> bool:
    """Return whether all wanted files of the archive are on disk and pass a check.

    Files of an earlier fetch are compared with the checksums that it wrote; features that came in another
    way are compared with the catalogue.
    """
    checksums = _checksum_file(spec, archive, base)
    if is_there(checksums, DataError):
        return checksums_agree(checksums, base, progress)
    if archive.images or find_folder(spec.name, base) is None:
        return False
    from gzslbench.data.verify import verify_dataset

    try:
        return all(line.agrees for line in verify_dataset(spec.name, root=base)[1])
    except DataError:
        return False
