"""One fetch of an archive at a time."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gzslbench.data.fetching.disk import writing
from gzslbench.errors import DataError


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` for this process; the lock ends with the process, however it ends.

    Raises:
        DataError: Another process holds it, or it cannot be made.
    """
    with writing(path):
        file = path.open("a+", encoding="utf-8")
    with file:
        try:
            with writing(path):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except DataError as error:
            if not isinstance(error.__cause__, BlockingIOError):
                raise
            file.seek(0)
            raise DataError(
                f"this archive is being fetched already: {file.read().strip() or 'it has just begun'}",
                where=path,
                fix="wait for it, or stop that process; then fetch again",
            ) from error
        with writing(path):
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
        yield
