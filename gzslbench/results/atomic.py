"""Files written whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gzslbench.errors import StoreError

_ADVICE = {
    errno.ENOSPC: "free some space, then go on with --resume",
    errno.EDQUOT: "free some of your quota, then go on with --resume",
    errno.ENOTDIR: "a file is in the way: move it, or choose another folder with --results",
    errno.EEXIST: "a file is in the way: move it, or choose another folder with --results",
    errno.EISDIR: "a folder is in the way: move it, or choose another folder with --results",
    errno.ENOENT: "the folder has been removed: make it again, or choose another with --results",
    errno.ENAMETOOLONG: "choose a shorter name with --results, or give the dataset's folder one",
}
_ELSE = "make the folder writable, or choose another with --results"


@contextmanager
def store_errors(what: str, where: Path) -> Iterator[None]:
    """Turn an OSError into a StoreError that says what to do about it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        advice = _ADVICE.get(error.errno or 0, _ELSE)
        raise StoreError(f"{what}: {reason}", where=where, fix=advice) from error


def make_folder(folder: Path) -> None:
    """Make the folder where it is missing, and try whether it takes files.

    Raises:
        OSError: It does not.
    """
    probe = folder / f".probe.{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        probe.write_bytes(b"gzslbench")
    finally:
        probe.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` in one step; whatever fails, the file that was there is still there.

    Raises:
        StoreError: The folder is read-only, full or gone.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with store_errors(f"{path.name} cannot be written", path):
        try:
            with scratch.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
        except BaseException:
            with suppress(OSError):
                scratch.unlink()
            raise
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut, where the file system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
