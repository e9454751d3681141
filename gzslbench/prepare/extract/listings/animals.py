"""Animals with Attributes 1 and 2 (Lampert et al. 2014, Xian et al. 2019): a folder for each class."""

from __future__ import annotations

from pathlib import Path

from gzslbench.errors import DataError
from gzslbench.files import check_folder, reading
from gzslbench.prepare.extract.listings.index_files import class_ids
from gzslbench.prepare.extract.listings.listing import Listing


def listing(folder: Path, images: Path) -> Listing:
    """The photographs in the order of their classes' names and then their own, which the split indexes.

    Of each class the archive numbers its photographs, so that none can be missing unnoticed: the splits
    tell how many there are. That the order is this one follows from the published split itself: the runs of
    rows of its unseen classes are as long as these classes are.

    Args:
        folder: Of the dataset, with its splits.
        images: JPEGImages, with a folder for each class.

    Raises:
        DataError: There are no such folders, or one is no class of the splits.
    """
    check_folder(images, DataError)
    with reading(images, DataError):
        folders = sorted(path for path in images.iterdir() if path.is_dir() and path.name[0] != ".")
        files = [
            f"{path.name}/{file.name}"
            for path in folders
            for file in sorted(path.iterdir())
            if file.suffix.lower() in (".jpg", ".jpeg")
        ]
    if not files:
        raise DataError(
            "no folder of JPEG files for each class", where=images, fix="name the archive's JPEGImages"
        )
    return Listing(tuple(files), class_ids(folder, [file.partition("/")[0] for file in files], images))
