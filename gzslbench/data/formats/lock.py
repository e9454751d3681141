"""Let one process at a time write into a dataset's folder what it read there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gzslbench.errors import DataError
from gzslbench.files import lock, writing

LOCK = ".gzslbench.files"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Wait until no other process writes into ``folder``, then lock it for this process.

    Raises:
        DataError: The folder cannot be written.
    """
    with ExitStack() as stack:
        elsewhere = "name a file in a folder that you may write to with --out"
        with writing(folder, "the folder cannot be written to", DataError, elsewhere):
            stack.enter_context(lock(folder / LOCK, wait=True))
        yield
