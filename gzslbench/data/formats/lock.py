"""One process at a time that writes into a dataset's folder what it read there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gzslbench.errors import DataError
from gzslbench.files import acquire, release

LOCK = ".gzslbench.files"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Wait until no other process writes into ``folder``, then hold it for this one.

    Raises:
        DataError: Nothing can be written there.
    """
    path = folder / LOCK
    try:
        file = acquire(path, wait=True)
    except OSError as error:
        raise DataError(
            f"the folder cannot be written to: {error.strerror or error}",
            where=folder,
            fix="free some space, or name a file in a folder that you may write to with --out",
        ) from error
    try:
        yield
    finally:
        release(path, file)
