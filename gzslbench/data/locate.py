"""Where datasets lie: the data root and the folders under it."""

from __future__ import annotations

import os
from pathlib import Path

from gzslbench.data.catalogue import XLSA17_PAGE
from gzslbench.errors import DataError
from gzslbench.files import is_there
from gzslbench.plugins.dataset import DatasetSpec

ROOT_VARIABLE = "GZSLBENCH_DATA"
ABOVE = ("", "data", "xlsa17/data", "cvpr18xian/data")
"""Where under the data root the datasets' folders may lie: as they are, or as an archive unpacks."""


def data_root(root: str | Path | None = None) -> Path:
    """``root``, else the folder in $GZSLBENCH_DATA, else ./data."""
    return Path(root or os.environ.get(ROOT_VARIABLE) or "data")


def candidates(name: str, root: str | Path | None = None) -> list[Path]:
    """The folders in which the dataset ``name`` is looked for, in order."""
    return [data_root(root) / above / name for above in ABOVE]


def find_folder(name: str, root: str | Path | None = None) -> Path | None:
    """The folder of the dataset ``name``, or None where there is none.

    Raises:
        DataError: The data root may not be read.
    """
    there = (folder for folder in candidates(name, root) if is_there(folder, DataError))
    return next((folder for folder in there if folder.is_dir()), None)


def require_folder(spec: DatasetSpec, root: str | Path | None = None) -> Path:
    """The folder of a known dataset.

    Raises:
        DataError: There is none, says where to get the files and where to put them; or it may not be read.
    """
    folder = find_folder(spec.name, root)
    if folder is None:
        below = ", ".join(above for above in ABOVE if above)
        raise DataError(
            f"the files of {spec.name} are not there",
            where=f"{candidates(spec.name, root)[0]}, likewise under {below}",
            fix=how_to_get(spec, root),
        )
    return folder


def how_to_get(spec: DatasetSpec, root: str | Path | None = None) -> str:
    """Where the files of a known dataset come from and where they go."""
    archives = [archive for archive in spec.archives if not archive.images]
    fetch = f"run `gzslbench data fetch {spec.name}`; or " if archives else ""
    address = f" ({archives[0].url})" if archives else ""
    return (
        f"{fetch}get the archive{address} from the page of 'Zero-Shot Learning: the Good, the Bad and "
        f"the Ugly' at the Max Planck Institute for Informatics, {XLSA17_PAGE}, and unpack its {spec.name} "
        f"folder to {candidates(spec.name, root)[0]}; or name the folder above it with --data or "
        f"${ROOT_VARIABLE}"
    )
