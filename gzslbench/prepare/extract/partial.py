"""Store features batch by batch on disk, so that an interrupted extraction can continue."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import ExtractionError
from gzslbench.files import LockedError, drop_torn_line, lock, writing

_LINE = re.compile(r"(\d+) (\S+)")


@contextmanager
def lock_partial(target: Path) -> Iterator[Path]:
    """Lock the folder for the unfinished features of the file ``target``, and yield its path."""
    path = target.with_name(f"{target.name}.lock")
    with ExitStack() as stack:
        try:
            with _writing(path):
                target.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(lock(path))
        except LockedError as error:
            raise ExtractionError(
                f"another process extracts features to this file: {error}",
                where=target,
                fix="wait for it, or stop that process and repeat; or name another file with --out",
            ) from error
        yield target.with_name(f"{target.name}.partial")


class PartialFeatures:
    """A folder with unfinished features: an array, and a journal of its finished batches.

    The journal's first line names the extraction. Each other line has the number of a batch and a checksum
    of its images.

    Attributes:
        features: ``(N, d)`` float32, a memory map; rows of missing batches are 0.
    """

    def __init__(self, folder: Path, shape: tuple[int, int], owner: str) -> None:
        """Open the folder; empty it if it is damaged or belongs to another extraction.

        Args:
            folder: Its path.
            shape: Number of rows and features.
            owner: Names everything that decides the features, in one line.

        Raises:
            ExtractionError: The folder cannot be written.
        """
        self.folder, self.journal, array = folder, folder / "journal", folder / "features.f32"
        owner, size = f"{owner} {shape}", 4 * shape[0] * shape[1]
        with _writing(folder):
            complete = array.is_file() and array.stat().st_size == size and self.journal.is_file()
            if not complete or self._lines()[:1] != [owner]:
                self.remove()
                folder.mkdir(parents=True, exist_ok=True)
                with array.open("wb") as file:
                    file.truncate(size)
                self.journal.write_text(f"{owner}\n")  # last: without it, the array is not used
            drop_torn_line(self.journal)  # A kill may leave half a line; the next would be joined to it.
            self.features: NDArray[np.float32] = np.memmap(array, np.float32, "r+", shape=shape)

    def done(self) -> dict[int, str]:
        """Return the checksum of every stored batch, by its number."""
        return {int(match[1]): match[2] for match in map(_LINE.fullmatch, self._lines()[1:]) if match}

    def store(self, batch: int, checksum: str, rows: Sequence[int], features: NDArray[np.float32]) -> None:
        """Store the features ``(len(rows), d)`` of a complete batch.

        Raises:
            ExtractionError: The disk is full, or the folder was removed.
        """
        self.features[rows] = features
        with _writing(self.folder):
            # The features must be on disk before the line that says so.
            self.features.flush()  # type: ignore[attr-defined]
            with self.journal.open("a") as file:
                file.write(f"{batch} {checksum}\n")
                file.flush()
                os.fsync(file.fileno())

    def remove(self) -> None:
        """Remove the folder."""
        with suppress(OSError):  # The journal goes first, so that nobody uses a half-removed folder.
            self.journal.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _lines(self) -> list[str]:
        return self.journal.read_text(errors="replace").splitlines()


def _writing(folder: Path) -> AbstractContextManager[None]:
    elsewhere = "name a file in a folder that you may write to with --out"
    return writing(folder, "features cannot be stored", ExtractionError, elsewhere)
