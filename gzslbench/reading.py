"""Reading what may not be there, may not be read, or bears a name that no file can have."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gzslbench.errors import GzslBenchError

_ADVICE = {
    errno.ENOENT: "check the folder and the name",
    errno.ENOTDIR: "check the folder and the name",
    errno.EISDIR: "name a file, not a folder",
    errno.EACCES: "make it readable for yourself (chmod), or ask its owner to",
    errno.EPERM: "make it readable for yourself (chmod), or ask its owner to",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.ELOOP: "the link leads back to itself: remove it, or make it lead to the file",
}
_ELSE = "check the disk that it lies on"


@contextmanager
def reading(where: Path, failure: type[GzslBenchError]) -> Iterator[None]:
    """Turn an OSError into ``failure`` at the file it names, else at ``where``, with what to do about it."""
    try:
        yield
    except OSError as error:
        raise failure(
            f"cannot be read: {error.strerror or error}",
            where=error.filename or where,
            fix=_ADVICE.get(error.errno or 0, _ELSE),
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
