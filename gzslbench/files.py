"""Files: reading, locking, writing atomically, and what operating system errors mean."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from gzslbench.errors import GzslBenchError, StoreError

_READING_ADVICE = {
    errno.ENOENT: "check the folder and the name",
    errno.ENOTDIR: "check the folder and the name",
    errno.EISDIR: "name a file, not a folder",
    errno.EACCES: "make it readable for yourself (chmod), or ask its owner to",
    errno.EPERM: "make it readable for yourself (chmod), or ask its owner to",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.ELOOP: "the link leads back to itself: remove it, or make it lead to the file",
}
_READING_ELSE = "check the disk that it lies on"


@contextmanager
def reading(where: Path, failure: type[GzslBenchError]) -> Iterator[None]:
    """Turn an OSError into ``failure`` at the file it names, else at ``where``, with what to do about it."""
    try:
        yield
    except OSError as error:
        raise failure(
            f"cannot be read: {error.strerror or error}",
            where=error.filename or where,
            fix=_READING_ADVICE.get(error.errno or 0, _READING_ELSE),
        ) from error


def is_there(path: Path, failure: type[GzslBenchError]) -> bool:
    """Whether there is a file or folder at ``path``; ``failure`` where that cannot be told."""
    with reading(path, failure):
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
    return True


def check_file(path: Path, failure: type[GzslBenchError]) -> None:
    """Raise ``failure`` unless ``path`` is a file that can be opened."""
    with reading(path, failure), path.open("rb"):
        pass


def check_folder(path: Path, failure: type[GzslBenchError]) -> None:
    """Raise ``failure`` unless ``path`` is a folder that can be listed and entered."""
    with reading(path, failure):
        for entry in path.iterdir():
            entry.lstat()
            break


_WRITING_ADVICE = {
    errno.ENOSPC: "free some space, then go on with --resume",
    errno.EDQUOT: "free some of your quota, then go on with --resume",
    errno.ENOTDIR: "a file is in the way: move it, or choose another folder with --results",
    errno.EEXIST: "a file is in the way: move it, or choose another folder with --results",
    errno.EISDIR: "a folder is in the way: move it, or choose another folder with --results",
    errno.ENOENT: "the folder has been removed: make it again, or choose another with --results",
    errno.ENAMETOOLONG: "choose a shorter name with --results, or give the dataset's folder one",
}
_WRITING_ELSE = "make the folder writable, or choose another with --results"


@contextmanager
def store_errors(what: str, where: Path) -> Iterator[None]:
    """Turn an OSError into a StoreError that says what to do about it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        advice = _WRITING_ADVICE.get(error.errno or 0, _WRITING_ELSE)
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


ORPHANS = 15.0
"""Seconds that the children of a killed process have to notice and end."""
_HOLDER = re.compile(r"process (\d+) on (.+)")


class HeldError(Exception):
    """Another process holds the lock; its words say which."""


def acquire(path: Path, wait: bool = False) -> IO[str]:
    """Hold the lock file ``path`` until what is returned is closed.

    Args:
        path: The file, which is made where it is missing.
        wait: Whether to wait for the process that holds it.

    Raises:
        HeldError: Another process holds it, and nobody is to wait.
        OSError: It cannot be made.
    """
    while True:
        file = path.open("a+", encoding="utf-8")
        try:
            _lock(file, wait)
            if _is_at(path, file):
                _sign(file)
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def release(path: Path, file: IO[str]) -> None:
    """Give back what ``acquire`` gave, and leave no file behind."""
    with file:
        path.unlink(missing_ok=True)


def _lock(file: IO[str], wait: bool) -> None:
    patience = time.monotonic() + ORPHANS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            return
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip()
            if not _has_died(holder) or time.monotonic() > patience:
                raise HeldError(holder or "it has just begun") from error
        time.sleep(0.1)


def _has_died(holder: str) -> bool:
    """Whether it was a process of this machine that is no more: its children have the lock until they end."""
    found = _HOLDER.fullmatch(holder)
    if found is None or found[2] != socket.gethostname():
        return False
    try:
        os.kill(int(found[1]), 0)
    except ProcessLookupError:
        return True
    except OSError:  # somebody else's
        return False
    return False


def _is_at(path: Path, file: IO[str]) -> bool:
    """Whether the file is still there: whoever held it may have removed it since it was opened."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _sign(file: IO[str]) -> None:
    file.truncate(0)
    file.write(f"process {os.getpid()} on {socket.gethostname()}")
    file.flush()


def drop_torn_line(path: Path) -> None:
    """Drop a last line that a killed process did not end: the next one would be joined to it.

    Raises:
        OSError: The file is not there, or cannot be written.
    """
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        if end and (file.seek(end - 1), file.read())[1] != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
