"""A node's own folder for one session of a cluster."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

PREFIX = "gzslbench-ray-"
LOCK = "lock"


class Scratch:
    """The folder of ``session`` on this machine, in which several processes are, as long as they live.

    What a session left whose driver was killed is removed by the next session that comes here.
    """

    def __init__(self, session: str) -> None:
        home = Path(tempfile.gettempdir())
        self.folder = home / f"{PREFIX}{session}"
        self._lock = _entered(self.folder)
        for other in home.glob(f"{PREFIX}*"):
            if other != self.folder:
                with suppress(OSError):
                    _remove_if_left(other)


def remove_scratch(session: str) -> None:
    """Remove the folder of a session that is over, if it was on this machine."""
    shutil.rmtree(Path(tempfile.gettempdir()) / f"{PREFIX}{session}", ignore_errors=True)


def _entered(folder: Path) -> IO[bytes]:
    """A lock that is shared with the others, on a folder that is there."""
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            file = (folder / LOCK).open("ab")
            fcntl.flock(file, fcntl.LOCK_SH)
            if os.path.samestat(os.fstat(file.fileno()), (folder / LOCK).stat()):
                return file
        except FileNotFoundError:
            pass  # another session took it for left
        file.close()


def _remove_if_left(folder: Path) -> None:
    if folder.stat().st_uid != os.getuid():
        return
    with (folder / LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(folder)
