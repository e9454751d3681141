"""The listing of a dataset, checked before anything is computed of it."""

from __future__ import annotations

from pathlib import Path
from pkgutil import resolve_name

from gzslbench.data import checks
from gzslbench.data.formats import xlsa17
from gzslbench.errors import DataError
from gzslbench.prepare.extract.listings.listing import List, Listing
from gzslbench.prepare.extract.listings.order import as_published


def read_listing(make: str, folder: Path, images: Path) -> Listing:
    """The listing that ``make`` gives, in the order of the published features where they name photographs.

    Args:
        make: ``package.module:function``, a ``List``.
        folder: Of the dataset, with its splits.
        images: Of its photographs.

    Raises:
        DataError: There is no listing, or it contradicts the splits or the published features.
    """
    function: List = resolve_name(make)
    listing = as_published(function(folder, images), folder)
    semantics = xlsa17.semantics_names(folder)
    if not semantics:
        raise DataError("no semantics", where=folder / f"*{xlsa17.SPLITS}", fix="put att_splits.mat there")
    for name in semantics:
        splits = xlsa17.read_splits(folder, name)
        both = f"{splits.path} with the photographs below {images}"
        checks.check_labels(listing.labels, len(splits.class_names), both)
        checks.check_split(splits.split, len(listing.files), both)
        checks.check_classes(splits.split, listing.labels, splits.class_names, both)
    return listing
