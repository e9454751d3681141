"""Where datasets lie: the data root and the folders under it."""

from __future__ import annotations

import os
from pathlib import Path

from gzslbench.data.catalogue import XLSA17_PAGE, DatasetSpec
from gzslbench.errors import DataError

ROOT_VARIABLE = "GZSLBENCH_DATA"


def data_root(root: str | Path | None = None) -> Path:
    """``root``, else the folder in $GZSLBENCH_DATA, else ./data."""
    return Path(root or os.environ.get(ROOT_VARIABLE) or "data")


def candidates(name: str, root: str | Path | None = None) -> list[Path]:
    """The folders in which the dataset ``name`` is looked for, in order."""
    top = data_root(root)
    return [top / name, top / "xlsa17" / "data" / name]


def find_folder(name: str, root: str | Path | None = None) -> Path | None:
    """The folder of the dataset ``name``, or None where there is none."""
    return next((folder for folder in candidates(name, root) if folder.is_dir()), None)


def require_folder(spec: DatasetSpec, root: str | Path | None = None) -> Path:
    """The folder of a known dataset.

    Raises:
        DataError: There is none; says where to get the files and where to put them.
    """
    folder = find_folder(spec.name, root)
    if folder is None:
        places = " or ".join(str(place) for place in candidates(spec.name, root))
        raise DataError(f"the files of {spec.name} are not there", where=places, fix=how_to_get(spec, root))
    return folder


def how_to_get(spec: DatasetSpec, root: str | Path | None = None) -> str:
    """Where the files of a known dataset come from and where they go."""
    archive = f" ({spec.expected.archive})" if spec.expected else ""
    return (
        f"get the archive{archive} from the page of 'Zero-Shot Learning: the Good, the Bad and the Ugly' at "
        f"the Max Planck Institute for Informatics, {XLSA17_PAGE}, and unpack its {spec.name} folder to "
        f"{candidates(spec.name, root)[0]}; or name the folder above it with --data or ${ROOT_VARIABLE}"
    )
