"""One fetch of an archive at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gzslbench.errors import DataError
from gzslbench.files import HeldError, acquire
from gzslbench.prepare.download.disk import writing


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` for this process; the lock ends with the process, however it ends.

    Raises:
        DataError: Another process holds it, or it cannot be made.
    """
    try:
        with writing(path):
            file = acquire(path)
    except HeldError as error:
        raise DataError(
            f"this archive is being fetched already: {error}",
            where=path,
            fix="wait for it, or stop that process; then fetch again",
        ) from error
    with file:
        yield
