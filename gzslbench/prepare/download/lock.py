"""Fetch an archive in one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gzslbench.errors import DataError
from gzslbench.files import LockedError, lock
from gzslbench.prepare.download.disk import writing


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Lock the file ``path`` for this process; the lock ends with the process, even if it is killed.

    Raises:
        DataError: Another process has the lock, or the file cannot be created.
    """
    with ExitStack() as stack:
        try:
            with writing(path):
                stack.enter_context(lock(path))
        except LockedError as error:
            raise DataError(
                f"this archive is being fetched already: {error}",
                where=path,
                fix="wait for it, or stop that process; then fetch again",
            ) from error
        yield
