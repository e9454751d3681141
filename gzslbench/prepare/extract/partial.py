"""Store features batch by batch on disk, so that an interrupted extraction can continue."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from gzslbench.errors import ExtractionError
from gzslbench.files import LockedError, drop_torn_line, lock, writing

SUFFIX = ".partial"
_LINE = re.compile(r"(\d+) (\S+)")


@contextmanager
def lock_partial(target: Path) -> Iterator[Path]:
    """Lock the folder for the unfinished features of the file ``target``, and yield its path.

    Raises:
        ExtractionError: Another process has the lock, or the folder of the file cannot be written.
    """
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
        yield target.with_name(target.name + SUFFIX)


class PartialFeatures:
    """A folder with unfinished features: ``features.npy``, ``owner``, and ``done`` with a line per batch.

    Attributes:
        features: ``(N, d)`` float32, a memory map; rows of missing batches are 0.
    """

    def __init__(self, folder: Path, shape: tuple[int, int], owner: str) -> None:
        """Open the folder; empty it if it is damaged or belongs to another extraction.

        Args:
            folder: Its path.
            shape: Number of rows and features.
            owner: Names everything that decides the features.

        Raises:
            ExtractionError: The folder cannot be written.
        """
        self.folder = folder
        with _writing(folder):
            existing = self._open_existing(shape, owner)
            self.features: NDArray[np.float32] = self._create(shape, owner) if existing is None else existing
            drop_torn_line(folder / "done")  # A kill may leave half a line; the next would be joined to it.

    def done(self) -> dict[int, str]:
        """Return the checksum of every stored batch, by its number."""
        lines = (self.folder / "done").read_text(errors="replace").splitlines()
        return {int(match[1]): match[2] for match in map(_LINE.fullmatch, lines) if match}

    def store(self, batch: int, checksum: str, rows: Sequence[int], features: NDArray[np.float32]) -> None:
        """Store the features of a complete batch.

        Args:
            batch: Its number.
            checksum: See ``batch_checksums``.
            rows: The rows of the batch.
            features: ``(len(rows), d)``.

        Raises:
            ExtractionError: The disk is full, or the folder was removed.
        """
        self.features[rows] = features
        with _writing(self.folder):
            # The features must be on disk before the line that says so.
            self.features.flush()  # type: ignore[attr-defined]
            with (self.folder / "done").open("a") as file:
                file.write(f"{batch} {checksum}\n")
                file.flush()
                os.fsync(file.fileno())

    def remove(self) -> None:
        """Remove the folder."""
        _remove(self.folder)

    def _open_existing(self, shape: tuple[int, int], owner: str) -> NDArray[np.float32] | None:
        """Open what an earlier extraction of this owner left, or return None."""
        try:
            if (self.folder / "owner").read_text() != owner or not (self.folder / "done").is_file():
                return None
            size = (self.folder / "features.npy").stat().st_size
            # This makes a file that was cut off longer: hence the size before.
            features = open_memmap(self.folder / "features.npy", "r+")
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        complete = features.shape == shape and features.offset + features.nbytes <= size
        return features if complete else None

    def _create(self, shape: tuple[int, int], owner: str) -> NDArray[np.float32]:
        _remove(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        features = open_memmap(self.folder / "features.npy", "w+", np.float32, shape)
        features.flush()
        (self.folder / "done").write_text("")
        (self.folder / "owner").write_text(owner)  # last: without it, the folder is not used
        return features


def _remove(folder: Path) -> None:
    with suppress(OSError):  # The owner goes first, so that nobody uses a half-removed folder.
        (folder / "owner").unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _writing(folder: Path) -> AbstractContextManager[None]:
    elsewhere = "name a file in a folder that you may write to with --out"
    return writing(folder, "features cannot be stored", ExtractionError, elsewhere)
