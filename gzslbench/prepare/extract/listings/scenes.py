"""SUN Attribute (Patterson et al., IJCV 2014): images.mat of its archive."""

from __future__ import annotations

from pathlib import Path

from gzslbench.data.formats.matfile import read_mat
from gzslbench.errors import DataError
from gzslbench.prepare.extract.listings.index_files import class_ids, find_index
from gzslbench.prepare.extract.listings.listing import Listing

IMAGES = "images.mat"


def listing(folder: Path, images: Path) -> Listing:
    """The photographs in the order of images.mat, which is the one that the proposed split indexes.

    A path such as t/temple/south_asia/sun_x.jpg tells the class, temple_south_asia.

    Raises:
        DataError: images.mat is missing or damaged, or names a class that the splits do not.
    """
    path = find_index(IMAGES, folder, images, below="SUNAttributeDB")
    found = read_mat(path, ("images",))
    if "images" not in found:
        raise DataError("'images' is missing", where=path, fix="take images.mat of the attributes' archive")
    files = tuple(str(name).replace("\\", "/") for name in found["images"].tolist())
    classes = ["_".join(file.split("/")[1:-1]) for file in files]
    return Listing(files, class_ids(folder, classes, path))
