"""The processes that share a study: who is alive, and whose trial has to be taken up again."""

from __future__ import annotations

import fcntl
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gzslbench.files import writing


class Crew:
    """Each process at work holds a file in ``folder``; the hold ends with the process, however it ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def joined(self) -> Iterator[str]:
        """Be one of them; the name is new.

        Raises:
            StoreError: The folder cannot be written.
        """
        name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        with writing(self.folder, "a worker cannot be noted"):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / name).open("w")
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield name
            finally:
                with suppress(OSError):
                    (self.folder / name).unlink()

    def is_alive(self, name: str | None) -> bool:
        """Whether the process of this name is still at work; the file of one that is not is removed."""
        if name is None:
            return False
        path = self.folder / name
        try:
            with path.open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        with suppress(OSError):
            path.unlink()
        return False
