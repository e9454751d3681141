"""Find the data root and the folders of datasets, and lock a folder while files are written to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gzslbench.data.catalogue import XLSA17_PAGE
from gzslbench.errors import DataError
from gzslbench.files import is_there, lock, writing
from gzslbench.plugins.dataset import DatasetSpec

ROOT_VARIABLE = "GZSLBENCH_DATA"
ABOVE = ("", "data", "xlsa17/data", "cvpr18xian/data")
"""Folders of the data root that may contain the datasets' folders; two are what archives unpack to."""
LOCK = ".gzslbench.files"


def data_root(root: str | Path | None = None) -> Path:
    """Return ``root``, else the folder in $GZSLBENCH_DATA, else ./data."""
    return Path(root or os.environ.get(ROOT_VARIABLE) or "data")


def candidates(name: str, root: str | Path | None = None) -> list[Path]:
    """Return the folders in which the dataset ``name`` is searched, in order."""
    return [data_root(root) / above / name for above in ABOVE]


def find_folder(name: str, root: str | Path | None = None) -> Path | None:
    """Return the folder of the dataset ``name``, or None if there is no such folder.

    Raises:
        DataError: The data root may not be read.
    """
    existing = (folder for folder in candidates(name, root) if is_there(folder, DataError))
    return next((folder for folder in existing if folder.is_dir()), None)


def require_folder(spec: DatasetSpec, root: str | Path | None = None) -> Path:
    """Return the folder of a known dataset.

    Raises:
        DataError: There is no such folder (the error says how to get the files), or it may not be read.
    """
    folder = find_folder(spec.name, root)
    if folder is None:
        below = ", ".join(above for above in ABOVE if above)
        raise DataError(
            f"the files of {spec.name} are missing",
            where=f"{candidates(spec.name, root)[0]}, or the same under {below}",
            fix=how_to_get(spec, root),
        )
    return folder


def how_to_get(spec: DatasetSpec, root: str | Path | None = None) -> str:
    """Return advice where the files of a known dataset come from and where they go."""
    archives = [archive for archive in spec.archives if not archive.images]
    fetch = f"run `gzslbench data fetch {spec.name}`; or " if archives else ""
    address = f" ({archives[0].url})" if archives else ""
    return (
        f"{fetch}get the archive{address} from the page of 'Zero-Shot Learning: the Good, the Bad and "
        f"the Ugly' at the Max Planck Institute for Informatics, {XLSA17_PAGE}, and unpack its {spec.name} "
        f"folder to {candidates(spec.name, root)[0]}; or name the folder above it with --data or "
        f"${ROOT_VARIABLE}"
    )


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Wait until no other process writes files to ``folder`` that it derives from files there, then lock it.

    Raises:
        DataError: The folder cannot be written to.
    """
    elsewhere = "name a file in a folder that you may write to with --out"
    with ExitStack() as stack:
        with writing(folder, "the folder cannot be written to", DataError, elsewhere):
            folder.stat()  # a lock would create a missing folder
            stack.enter_context(lock(folder / LOCK, wait=True))
        yield
