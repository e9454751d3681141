"""The folder in which archives stay, with what is remembered of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gzslbench.errors import DataError
from gzslbench.files import is_there
from gzslbench.plugins.dataset import Archive
from gzslbench.prepare.download.choice import bounded
from gzslbench.prepare.download.containers import container
from gzslbench.prepare.download.disk import writing
from gzslbench.prepare.download.download import download, offered_size
from gzslbench.prepare.download.lock import held
from gzslbench.prepare.download.member import intact
from gzslbench.prepare.download.partial import Partial
from gzslbench.prepare.download.provenance import Provenance, remember, remembered
from gzslbench.prepare.download.tries import Patience
from gzslbench.prepare.download.watcher import Watcher


@dataclass(frozen=True)
class Store:
    """Archives by name, and how those that are missing are got.

    Attributes:
        folder: Where they stay.
        mirror: An http or https folder of copies; None takes them where they are published.
        watch: Told of progress.
        patience: How long to bear with servers.
    """

    folder: Path
    mirror: str | None
    watch: Watcher
    patience: Patience

    def path(self, name: str) -> Path:
        """Where the archive of that name stays."""
        return self.folder / name

    def part(self, name: str) -> Partial:
        """Its download, while it is under way."""
        return Partial(self.folder / f"{name}.part")

    @contextmanager
    def held(self, names: Iterable[str]) -> Iterator[None]:
        """Make the folder and hold the archives of those names for this process.

        Raises:
            DataError: Another process holds one, or the folder cannot be made.
        """
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as locks:
            for name in sorted(names):
                locks.enter_context(held(self.folder / f"{name}.lock"))
            yield

    def sizes_to_come(self, archives: Iterable[Archive]) -> dict[str, int | None]:
        """The bytes of each archive that is not here, as servers tell; None where they do not.

        Raises:
            DataError: One cannot be had.
        """
        return {
            archive.name: offered_size(archive, archive.at(self.mirror), self.patience, self.watch)
            for archive in archives
            if not is_there(self.path(archive.name), DataError)
        }

    def bytes_to_come(self, sizes: Mapping[str, int | None]) -> int | None:
        """What is still to be downloaded, less what has come before; None where a size is unknown."""
        known = [(name, size) for name, size in sizes.items() if size is not None]
        if len(known) < len(sizes):
            return None
        return sum(size - min(self.part(name).done, size) for name, size in known)

    def obtain(self, archive: Archive, most: int | None) -> Provenance:
        """See to it that the archive is here, whole, and the one that is remembered.

        Args:
            archive: Which.
            most: Bytes that a download may have; None sets no bound.

        Raises:
            DataError: It cannot be had, or is another one; the disk is full.
        """
        path, part = self.path(archive.name), self.part(archive.name)
        note = path.with_name(f"{path.name}.json")
        before = remembered(note)
        is_here = is_there(path, DataError)
        if is_here:
            found = Provenance.of(path, "")
            fix = "remove it and fetch again"
            if archive.sha256 not in ("", found.sha256):
                raise DataError(f"the archive has not the sha256 {archive.sha256}", where=path, fix=fix)
        else:
            found = download(archive, archive.at(self.mirror), part, most, self.patience, self.watch)
            _examine(part, archive)
            fix = f"where you trust the new one, remove {note} and fetch again, which takes what has come"
        if before is None:
            remember(note, found)
        elif before.sha256 != found.sha256:
            raise DataError(
                f"the archive is not the one of {before.date}: it had {before.size} bytes and the sha256 "
                f"{before.sha256}, and has {found.size} and {found.sha256}",
                where=path if is_here else archive.at(self.mirror),
                fix=fix,
            )
        if not is_here:
            part.become(path)
        return before or found


def _examine(part: Partial, archive: Archive) -> None:
    """See to it that a download can be read to its end; what cannot is thrown away."""
    try:
        with intact(part.path):
            for _ in bounded(container(part.path, archive.name).members(), part.path):
                pass
    except DataError as error:
        part.drop()
        raise DataError(
            error.what, where=f"{archive.name} as it came, thrown away since", fix=error.fix
        ) from error
