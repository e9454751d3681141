"""Oxford Flowers 102 (Nilsback and Zisserman, ICVGIP 2008): its own index files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gzslbench.data.formats.matfile import read_mat
from gzslbench.errors import DataError
from gzslbench.prepare.extract.listings.index_files import find_index
from gzslbench.prepare.extract.listings.listing import Listing

LABELS, PARTS = "imagelabels.mat", "setid.mat"
IN_ORDER = ("trnid", "valid", "tstid")
_FETCH = f"take {LABELS} and {PARTS} of the Oxford Flowers page"


def listing(folder: Path, images: Path) -> Listing:
    """The photographs in the order that the proposed split indexes: training, validation, test of setid.mat.

    Args:
        folder: Of the dataset.
        images: Of the photographs; the index files are here, or in the dataset's folder.

    Raises:
        DataError: One of them is not there, is damaged, or they contradict each other.
    """
    labels = _whole(find_index(LABELS, folder, images), ("labels",))["labels"]
    path = find_index(PARTS, folder, images)
    parts = _whole(path, IN_ORDER)
    numbers = np.concatenate([parts[part] for part in IN_ORDER])
    if not np.array_equal(np.sort(numbers), np.arange(1, len(labels) + 1)):
        raise DataError(
            f"the parts are not the numbers 1 to {len(labels)}, once each", where=path, fix=_FETCH
        )
    files = tuple(f"image_{number:05d}.jpg" for number in numbers.tolist())
    return Listing(files, labels[numbers - 1] - 1)


def _whole(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    found = read_mat(path, names)
    missing = [name for name in names if name not in found]
    if missing:
        raise DataError(f"{missing[0]!r} is missing", where=path, fix=_FETCH)
    return {name: np.asarray(found[name]).ravel().astype(np.int64) for name in names}
