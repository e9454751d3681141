"""A lock file for one process at a time; the lock ends with the process, however that ends."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path
from typing import IO


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
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError as error:
        file.seek(0)
        raise HeldError(file.read().strip() or "it has just begun") from error


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
