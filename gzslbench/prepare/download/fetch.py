"""From the name of a dataset to its files on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gzslbench.data.locate import data_root, find_folder
from gzslbench.errors import DataError, did_you_mean
from gzslbench.files import is_there
from gzslbench.plugins.dataset import Archive, DatasetSpec
from gzslbench.plugins.registry import plugins
from gzslbench.prepare.download.listing import still_there, write_listing
from gzslbench.prepare.download.provenance import Provenance
from gzslbench.prepare.download.store import Store
from gzslbench.prepare.download.tries import Patience
from gzslbench.prepare.download.unpacking import unpack
from gzslbench.prepare.download.watcher import Unwatched, Watcher

ARCHIVES = "archives"
"""The folder below the data root where archives stay, with what is remembered of them."""

Agree = Callable[[int | None], None]
"""Asked before anything is downloaded, with the bytes to come (None: unknown); raises to call it off."""


@dataclass(frozen=True)
class Fetched:
    """What a fetch did with one archive for one dataset.

    Attributes:
        dataset: Its name.
        folder: Where its files are.
        archive: The archive's name.
        provenance: Where the archive came from; None where everything was there already.
        written: Files that were written.
        kept: Files that were there, the same to the byte.
    """

    dataset: str
    folder: Path
    archive: str
    provenance: Provenance | None = None
    written: int = 0
    kept: int = 0


def named(names: Sequence[str]) -> list[DatasetSpec]:
    """The datasets of those names, in any case, each once.

    Raises:
        DataError: One is unknown.
    """
    specs = plugins().datasets()
    by_name = {known.lower(): spec for known, spec in specs.items()}
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
    agree: Agree = lambda size: None,
    watch: Watcher | None = None,
    patience: Patience | None = None,
) -> list[Fetched]:
    """Download the known archives of datasets and unpack what is wanted of them.

    Args:
        specs: The datasets.
        root: The data root; None takes $GZSLBENCH_DATA, then ./data.
        images: Whether to fetch images too.
        mirror: An http or https folder that holds copies of the archives; None takes them where published.
        force: Whether files that are there and differ are overwritten.
        agree: Asked before anything is downloaded.
        watch: Told of progress; None tells nobody.
        patience: How long to bear with servers.

    Returns:
        What was done, by dataset and archive. An archive is downloaded once, however many datasets are in it.

    Raises:
        DataError: No archive is known, one cannot be had or is not what it should be, another process is
            fetching it, a file that is there differs, or the disk is full.
    """
    base, watch = data_root(root), watch or Unwatched()
    wanted = [(spec, archive) for spec in specs for archive in _archives(spec, images)]
    done = [
        Fetched(spec.name, _folder(spec, base), archive.name)
        for spec, archive in wanted
        if _is_there(spec, archive, base, watch)
    ]
    there = {(each.dataset, each.archive) for each in done}
    missing = [(spec, archive) for spec, archive in wanted if (spec.name, archive.name) not in there]
    if missing:
        store = Store(base / ARCHIVES, mirror, watch, patience or Patience())
        done += _fetch_missing(missing, base, store, force, agree)
    return done


def _fetch_missing(
    missing: Sequence[tuple[DatasetSpec, Archive]], base: Path, store: Store, force: bool, agree: Agree
) -> list[Fetched]:
    archives = {archive.name: archive for _, archive in missing}
    with store.held(archives):
        sizes = store.sizes_to_come(archives.values())
        for archive in archives.values():
            if archive.licence:
                store.watch.say(f"{archive.name}: {archive.licence}")
        store.watch.rest()
        if sizes:
            agree(store.bytes_to_come(sizes))
        provenances = {name: store.obtain(archive, sizes.get(name)) for name, archive in archives.items()}
        return [
            _unpack(spec, archive, provenances[archive.name], base, store, force) for spec, archive in missing
        ]


def _unpack(
    spec: DatasetSpec, archive: Archive, provenance: Provenance, base: Path, store: Store, force: bool
) -> Fetched:
    """Put what a dataset wants of an archive in its folder, and note what that is."""
    folder = _folder(spec, base)
    done = unpack(store.path(archive.name), archive, folder, force=force, watch=store.watch)
    write_listing(_listing(spec, archive, base), base, done.sums)
    return Fetched(spec.name, folder, archive.name, provenance, written=done.written, kept=done.kept)


def _archives(spec: DatasetSpec, images: bool) -> list[Archive]:
    """The archives to fetch of a dataset."""
    if spec.load:
        raise DataError(f"{spec.name} is made by a function: there is nothing to fetch")
    chosen = [archive for archive in spec.archives if images or not archive.images]
    if not chosen or (images and not any(archive.images for archive in chosen)):
        what = "no archive of images" if chosen else "no archive"
        raise DataError(
            f"{what} of {spec.name} is known that a program may fetch",
            where=spec.url or spec.name,
            fix="leave out --images" if chosen else "get its files from there by hand",
        )
    return chosen


def _folder(spec: DatasetSpec, base: Path) -> Path:
    """Where the dataset lies, or will."""
    return find_folder(spec.name, base) or base / spec.name


def _listing(spec: DatasetSpec, archive: Archive, base: Path) -> Path:
    return base / ARCHIVES / f"{archive.name}.{quote(spec.name, safe='')}.sha256"


def _is_there(spec: DatasetSpec, archive: Archive, base: Path, watch: Watcher) -> bool:
    """Whether all that is wanted of the archive is on disk and bears a check.

    What an earlier fetch wrote is compared with what it noted; features that came in another way are compared
    with the catalogue.
    """
    listing = _listing(spec, archive, base)
    if is_there(listing, DataError):
        return still_there(listing, base, watch)
    if archive.images or find_folder(spec.name, base) is None:
        return False
    from gzslbench.data.verify import verify_dataset

    try:
        return all(line.agrees for line in verify_dataset(spec.name, root=base)[1])
    except DataError:
        return False
