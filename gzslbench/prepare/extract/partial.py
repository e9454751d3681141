"""Features on their way to a file: batch after batch on disk, so that an interrupted extraction goes on."""

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
def held(target: Path) -> Iterator[Path]:
    """The folder for features on their way to the file ``target``, held for this process alone.

    Raises:
        ExtractionError: Another process holds it, or nothing can be written beside the file.
    """
    path = target.with_name(f"{target.name}.lock")
    with ExitStack() as stack:
        try:
            with _writable(path):
                target.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(lock(path))
        except LockedError as error:
            raise ExtractionError(
                f"features are being extracted to this file already: {error}",
                where=target,
                fix="wait for it, or stop that process and repeat; or name another file with --out",
            ) from error
        yield target.with_name(target.name + SUFFIX)


class Partial:
    """A folder beside the file that is to be written.

    Attributes:
        features: ``(N, d)`` float32, a memory map; rows of batches that are not done are 0.
    """

    def __init__(self, folder: Path, shape: tuple[int, int], owner: str) -> None:
        """Open the folder, or make it anew where it is not there or another extraction left it.

        Args:
            folder: Its path.
            shape: Rows and features.
            owner: Everything that decides the features.

        Raises:
            ExtractionError: It cannot be written.
        """
        self.folder = folder
        with _writable(folder):
            left = self._left(shape, owner)
            self.features: NDArray[np.float32] = self._anew(shape, owner) if left is None else left
            drop_torn_line(folder / "done")

    def done(self) -> dict[int, str]:
        """By number, the batches whose features are on disk, each with the stamp that it was kept with."""
        lines = (self.folder / "done").read_text(errors="replace").splitlines()
        return {int(found[1]): found[2] for found in map(_LINE.fullmatch, lines) if found}

    def keep(self, batch: int, stamp: str, rows: Sequence[int], features: NDArray[np.float32]) -> None:
        """Keep the features of a whole batch.

        Args:
            batch: Its number.
            stamp: A word that says which photographs they are of.
            rows: Where they belong.
            features: ``(len(rows), d)``.

        Raises:
            ExtractionError: The disk is full, or the folder gone.
        """
        self.features[rows] = features
        with _writable(self.folder):
            self.features.flush()  # type: ignore[attr-defined]
            with (self.folder / "done").open("a") as file:
                file.write(f"{batch} {stamp}\n")
                file.flush()
                os.fsync(file.fileno())

    def remove(self) -> None:
        """Remove the folder, now that its features are in a file; one that is removed by half is nobody's."""
        _remove(self.folder)

    def _left(self, shape: tuple[int, int], owner: str) -> NDArray[np.float32] | None:
        """What an extraction of this owner left; None where it is another's, or not all there."""
        try:
            if (self.folder / "owner").read_text() != owner or not (self.folder / "done").is_file():
                return None
            size = (self.folder / "features.npy").stat().st_size
            features = open_memmap(self.folder / "features.npy", "r+")  # makes it longer where it was cut off
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        whole = features.shape == shape and features.offset + features.nbytes <= size
        return features if whole else None

    def _anew(self, shape: tuple[int, int], owner: str) -> NDArray[np.float32]:
        _remove(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        features = open_memmap(self.folder / "features.npy", "w+", np.float32, shape)
        features.flush()
        (self.folder / "done").write_text("")
        (self.folder / "owner").write_text(owner)
        return features


def _remove(folder: Path) -> None:
    """Remove the folder as far as it can be, what names its owner first."""
    with suppress(OSError):
        (folder / "owner").unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _writable(folder: Path) -> AbstractContextManager[None]:
    elsewhere = "name a file in a folder you may write to with --out"
    return writing(folder, "features cannot be kept", ExtractionError, elsewhere)
