"""Files to which one line after another is added, by processes that may be killed."""

from __future__ import annotations

import os
from pathlib import Path


def drop_torn_line(path: Path) -> None:
    """Drop a last line that a killed process did not end: the next one would be joined to it.

    Raises:
        OSError: The file is not there, or cannot be written.
    """
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        if end and (file.seek(end - 1), file.read())[1] != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
