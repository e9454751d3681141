"""A lock file for one process at a time; the lock ends with the process, however that ends."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import time
from pathlib import Path
from typing import IO

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
