"""Which photographs a batch was extracted from, in a word."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path


def batch_stamps(images: Path, files: Sequence[str], size: int) -> list[str]:
    """A stamp of each batch: another where a photograph in it has changed, or lies in another folder.

    It holds the folder, and size and time of the last change of every photograph; none is read.

    Args:
        images: The folder that the photographs lie below.
        files: Of all rows.
        size: Rows of a batch.
    """
    folder = str(images.resolve())
    return [_stamp(folder, images, files[first : first + size]) for first in range(0, len(files), size)]


def _stamp(folder: str, images: Path, files: Sequence[str]) -> str:
    told = "\n".join([folder, *(_state(images / file) for file in files)])
    return hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()


def _state(file: Path) -> str:
    try:
        found = file.stat()
    except OSError:
        return "not there"
    return f"{found.st_size} {found.st_mtime_ns}"
