"""The images of a dataset in the order of its rows, and the checks of that order."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from pkgutil import resolve_name

import numpy as np
from numpy.typing import NDArray

from gzslbench.data import checks
from gzslbench.data.formats import xlsa17
from gzslbench.data.formats.matfile import read_mat
from gzslbench.errors import DataError


@dataclass(frozen=True)
class ImageList:
    """Images in the order of a dataset's rows.

    Attributes:
        files: N paths below the images' folder, with slashes.
        labels: ``(N,)`` int64 from 0.
        boxes: ``(N, 4)`` int64: left, upper, right and lower edge of each row's object in pixels from 0;
            right and lower are exclusive. None if the dataset has no boxes.
        boxed: Whether a row is the content of its box, not the full image.
    """

    files: tuple[str, ...]
    labels: NDArray[np.int64]
    boxes: NDArray[np.int64] | None = None
    boxed: bool = False

    def box(self, row: int) -> tuple[int, int, int, int] | None:
        """Return the box to cut out of the image of ``row``, or None for the full image."""
        if self.boxes is None or not self.boxed:
            return None
        left, upper, right, lower = self.boxes[row].tolist()
        return left, upper, right, lower

    @property
    def fingerprint(self) -> str:
        """The sha256 of names, labels and used boxes, in their order."""
        digest = hashlib.sha256("\n".join(self.files).encode())
        digest.update(self.labels.astype("<i8").tobytes())
        if self.boxed and self.boxes is not None:
            digest.update(self.boxes.astype("<i8").tobytes())
        return digest.hexdigest()


ListImages = Callable[[Path, Path], ImageList]
"""Lists the images of the dataset in the first folder, which are below the second folder.

``DatasetSpec.images`` names such a function. It raises a DataError if index files are missing or damaged.
"""


def read_image_list(make: str, folder: Path, images: Path) -> ImageList:
    """List the images, sort them like the published features, and check them against the splits.

    Args:
        make: ``package.module:function``, a ``ListImages``.
        folder: The dataset's folder, with its splits.
        images: The folder with its images.

    Raises:
        DataError: The images cannot be listed, or contradict the splits or the published features.
    """
    list_images: ListImages = resolve_name(make)
    image_list = sort_as_published(list_images(folder, images), folder)
    for splits in read_all_splits(folder):
        where = f"{splits.path} with the images below {images}"
        checks.check_labels(image_list.labels, len(splits.class_names), where)
        checks.check_split(splits.split, len(image_list.files), where)
        checks.check_classes(splits.split, image_list.labels, splits.class_names, where)
    return image_list


def read_all_splits(folder: Path) -> list[xlsa17.SplitsFile]:
    """Read the splits of all semantics of a dataset; there must be one."""
    semantics = xlsa17.semantics_names(folder)
    if not semantics:
        raise DataError(
            "there are no semantics", where=folder / f"*{xlsa17.SPLITS}", fix="put att_splits.mat there"
        )
    return [xlsa17.read_splits(folder, name) for name in semantics]


def sort_as_published(image_list: ImageList, folder: Path) -> ImageList:
    """Sort the images like a published feature file that names its images; without one, change nothing.

    A split numbers the rows of its authors' features. Images in any other order would get wrong labels.
    """
    for features in xlsa17.feature_names(folder):
        path = folder / f"{features}.mat"
        arrays = read_mat(path, ("image_files", "labels"))
        if not len(arrays.get("image_files", ())):
            continue
        names = [name.strip().replace("\\", "/") for name in arrays["image_files"].tolist()]
        rows = match_rows(image_list.files, names, path)
        files = tuple(image_list.files[row] for row in rows)
        labels = image_list.labels[rows]
        boxes = None if image_list.boxes is None else image_list.boxes[rows]
        published = arrays["labels"].ravel() - 1
        different = np.flatnonzero(labels != published)
        if len(different):
            row = int(different[0])
            raise DataError(
                f"{len(different)} rows have another class than in the index files, first row {row}:"
                f" {files[row]}, class {published[row]} here and {labels[row]} there, from 0",
                where=path,
                fix="find out which of them belongs to this dataset, and move the other away",
            )
        return ImageList(files, labels, boxes, image_list.boxed)
    return image_list


def match_rows(files: Sequence[str], names: Sequence[str], path: Path) -> list[int]:
    """Return for each name the row of the file with the same ending; repeated names keep their order."""
    file_ends: list[str] = []
    name_ends: list[str] = []
    # The longest common ending of paths: the folders above the images differ from machine to machine.
    for parts in range(max(len(PurePosixPath(file).parts) for file in files), 0, -1):
        file_ends, name_ends = ([_last_parts(name, parts) for name in paths] for paths in (files, names))
        if Counter(file_ends) == Counter(name_ends):
            break
    else:
        known = set(file_ends)
        unknown = next((name for name in names if _last_parts(name, 1) not in known), names[0])
        raise DataError(
            f"the feature file names {len(names)} images and the index files other {len(files)}:"
            f" {unknown} does not fit",
            where=path,
            fix="use the index files of this dataset, or move the feature file away",
        )
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for row in reversed(range(len(file_ends))):
        rows[file_ends[row]].append(row)
    return [rows[name].pop() for name in name_ends]


def _last_parts(name: str, parts: int) -> str:
    return "/".join(PurePosixPath(name).parts[-parts:])
