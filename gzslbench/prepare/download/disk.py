"""Writing below the data root, and saying what to do where that fails."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gzslbench.errors import DataError

_SPACE = "free some space, or name a folder elsewhere with --data; then fetch again, which goes on from here"
_IN_THE_WAY = "move away what is in the way, or name another folder with --data; then fetch again"
_ADVICE = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: "name a folder on a disk that takes files of this size with --data",
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
    errno.EISDIR: _IN_THE_WAY,
}
_ELSE = "name a folder that you may write to with --data"


@contextmanager
def writing(where: Path) -> Iterator[None]:
    """Turn an OSError into a DataError that says what to do about it."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"cannot be written: {error.strerror or error}",
            where=where,
            fix=_ADVICE.get(error.errno or 0, _ELSE),
        ) from error


def check_room(folder: Path, needed: int) -> None:
    """See to it that ``needed`` bytes are free where ``folder`` lies.

    Raises:
        DataError: They are not.
    """
    with writing(folder):
        free = shutil.disk_usage(folder).free
    if free < needed:
        raise DataError(
            f"{in_words(needed)} are needed and {in_words(free)} are free", where=folder, fix=_SPACE
        )


def write_text(path: Path, text: str) -> None:
    """Write a small file whole or not at all.

    Raises:
        DataError: It cannot be written.
    """
    scratch = path.with_name(f".{path.name}.part")
    with writing(path):
        with scratch.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)


def in_words(size: int) -> str:
    """A number of bytes in the unit that fits."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
