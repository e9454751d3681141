"""Write files below the data root."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from gzslbench import files
from gzslbench.errors import DataError

_ELSEWHERE = "name another folder with --data; then fetch again, which continues"


def writing(where: Path) -> AbstractContextManager[None]:
    """Turn an OSError of the block into a DataError with advice."""
    return files.writing(where, failure=DataError, elsewhere=_ELSEWHERE)


def check_room(folder: Path, needed: int) -> None:
    """Check that ``needed`` bytes are free on the disk of ``folder``.

    Raises:
        DataError: They are not.
    """
    files.check_free_space(folder, needed, DataError, _ELSEWHERE)


def write_text(path: Path, text: str) -> None:
    """Write a small file atomically.

    Raises:
        DataError: It cannot be written.
    """
    files.write_atomically(path, text, DataError, _ELSEWHERE)


in_words = files.format_size
