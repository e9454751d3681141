"""The folder of downloaded archives, and what is written down about them and the files unpacked from them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from gzslbench.data.formats.sources import sha256_of
from gzslbench.errors import DataError
from gzslbench.files import LockedError, is_there, lock, reading, write_atomically
from gzslbench.plugins.dataset import Archive
from gzslbench.prepare.download.download import OTHER_FOLDER, Confirm, Download, Progress, writing
from gzslbench.prepare.download.unpack import check_archive

_CHECKSUM_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_REPLACE = "remove it and fetch again"


@dataclass(frozen=True)
class Provenance:
    """An archive as it came.

    Attributes:
        url: Where it came from, after redirects; empty if the user put it there.
        date: When it was first read, in ISO 8601, UTC.
        size: Bytes.
        sha256: Hexadecimal.
    """

    url: str
    date: str
    size: int
    sha256: str

    @classmethod
    def of_file(cls, path: Path, url: str) -> Provenance:
        """Describe the file ``path`` as it is now."""
        with reading(path, DataError):
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            return cls(url=url, date=now, size=path.stat().st_size, sha256=sha256_of(path))


@contextmanager
def lock_archives(folder: Path, names: Iterable[str]) -> Iterator[None]:
    """Create the folder of archives, and lock the archives of those names for this process.

    Raises:
        DataError: Another process has a lock, or the folder cannot be created.
    """
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


def obtain(
    archive: Archive, folder: Path, mirror: str | None, confirm: Confirm, progress: Progress
) -> Provenance:
    """Make sure that an archive is in ``folder``, complete and the same as before.

    Raises:
        DataError: It cannot be had, is damaged or differs from before, or the disk is full.
    """
    path = folder / archive.name
    note = folder / f"{archive.name}.json"
    before = _read_provenance(note)
    download = Download(archive, archive.at(mirror), folder / f"{archive.name}.part", confirm, progress)
    is_here = is_there(path, DataError)
    found = Provenance.of_file(path, "") if is_here else _download(download)
    where, fix = str(path if is_here else download.url), _REPLACE
    if is_here and archive.sha256 not in ("", found.sha256):
        raise DataError(f"the archive does not have the sha256 {archive.sha256}", where=where, fix=fix)
    if before is not None and before.sha256 != found.sha256:
        what = (
            f"the archive is not the one of {before.date}: it had {before.size} bytes and the sha256 "
            f"{before.sha256}, and has {found.size} and {found.sha256}"
        )
        trust = f"if you trust the new one, remove {note} and fetch again, which uses the new one"
        raise DataError(what, where=where, fix=fix if is_here else trust)
    if before is None:
        write_atomically(note, json.dumps(asdict(found), indent=2) + "\n", DataError, OTHER_FOLDER)
    if not is_here:
        download.finish(path)
    return before or found


def _download(download: Download) -> Provenance:
    """Download an archive, and remove it again if it is not what it should be."""
    archive = download.archive
    found = Provenance.of_file(download.part, download.run())
    problem = ""
    if archive.size not in (None, found.size):
        problem = f"the download has {found.size} bytes, not {archive.size}"
    elif archive.sha256 not in ("", found.sha256):
        problem = f"the download has the sha256 {found.sha256}, not {archive.sha256}"
    else:
        try:
            check_archive(download.part, archive.name)
        except DataError as error:
            problem = error.what
    if problem:
        download.discard()
        fix = "fetch again, or name another copy with --mirror"
        raise DataError(f"{problem}; it was removed", where=download.url, fix=fix)
    return found


def _read_provenance(path: Path) -> Provenance | None:
    if not is_there(path, DataError):
        return None
    with reading(path, DataError):
        text = path.read_bytes()
    try:
        return Provenance(**json.loads(text))
    except (ValueError, TypeError) as error:
        what = f"the file does not say where an archive came from: {error}"
        raise DataError(what, where=path, fix=_REPLACE) from error


def write_checksums(path: Path, root: Path, checksums: Mapping[Path, str]) -> None:
    """Write the sha256 of files below ``root``, in the format that ``sha256sum --check`` reads."""
    lines = sorted(f"{sha256}  {file.relative_to(root).as_posix()}\n" for file, sha256 in checksums.items())
    write_atomically(path, "".join(lines), DataError, OTHER_FOLDER)


def checksums_agree(path: Path, root: Path, progress: Progress) -> bool:
    """Return whether all files of the checksum file ``path`` exist below ``root`` and are unchanged.

    Raises:
        DataError: A file cannot be read.
    """
    with reading(path, DataError):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    matches = [_CHECKSUM_LINE.fullmatch(line) for line in lines]
    checksums = {root / match[2]: match[1] for match in matches if match}
    if len(checksums) < len(lines) or not all(is_there(file, DataError) for file in checksums):
        return False
    with reading(path, DataError):
        progress.begin(f"checking {path.stem}", sum(file.stat().st_size for file in checksums))
        for file, sha256 in checksums.items():
            if sha256_of(file) != sha256:
                return False
            progress.advance(file.stat().st_size)
    return bool(checksums)
