"""List the images of a dataset in the order of its rows, and check that order.

The index files of the dataset's authors, or of `gzslbench data build`, give the images. The order of each
list is the order that the proposed split indexes (Xian et al., TPAMI 2019).
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from gzslbench.data import checks
from gzslbench.data.formats import xlsa17
from gzslbench.data.formats.matfile import read_mat
from gzslbench.errors import DataError, did_you_mean
from gzslbench.files import check_folder, reading, sha256_of
from gzslbench.plugins.registry import load_object
from gzslbench.prepare.building.tables import read_lines
from gzslbench.prepare.building.write import LISTING, RECORD, read_record

_COPY_AGAIN = "copy the file again from the dataset's archive"
FLOWER_PARTS = ("trnid", "valid", "tstid")
PASCAL_FOLDERS = ("", "JPEGImages", "VOC2008/JPEGImages", "VOCdevkit/VOC2008/JPEGImages")
OBJECT_LISTS = {
    "apascal_train.txt": PASCAL_FOLDERS,
    "apascal_test.txt": PASCAL_FOLDERS,
    "ayahoo_test.txt": ("", "ayahoo_test_images"),
}
"""The folders that may contain the images of each list."""


@dataclass(frozen=True)
class ImageList:
    """Images in the order of a dataset's rows.

    Attributes:
        files: N paths below the images' folder, with slashes.
        labels: ``(N,)`` int64 from 0.
        boxes: ``(N, 4)`` int64 if a row is only a part of its image: left, upper, right and lower edge in
            pixels from 0; right and lower are exclusive.
    """

    files: tuple[str, ...]
    labels: NDArray[np.int64]
    boxes: NDArray[np.int64] | None = None

    def box(self, row: int) -> tuple[int, int, int, int] | None:
        """Return the box to cut out of the image of ``row``, or None for the full image."""
        if self.boxes is None:
            return None
        left, upper, right, lower = self.boxes[row].tolist()
        return left, upper, right, lower

    @property
    def fingerprint(self) -> str:
        """The sha256 of names, labels and boxes, in their order."""
        digest = hashlib.sha256("\n".join(self.files).encode())
        digest.update(self.labels.astype("<i8").tobytes())
        if self.boxes is not None:
            digest.update(self.boxes.astype("<i8").tobytes())
        return digest.hexdigest()


ListImages = Callable[[Path, Path], ImageList]
"""Lists the images of the dataset in the first folder, which are below the second folder."""


def read_image_list(make: str, folder: Path, images: Path) -> ImageList:
    """List the images with ``make``, a ``package.module:function``; sort them like the published features.

    Raises:
        DataError: The images cannot be listed, or contradict the splits or the published features.
    """
    list_images: ListImages = load_object(make, folder.name, ("folder", "images"))
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
        where = folder / f"*{xlsa17.SPLITS}"
        raise DataError("there are no semantics", where=where, fix="put att_splits.mat there")
    return [xlsa17.read_splits(folder, name) for name in semantics]


def sort_as_published(image_list: ImageList, folder: Path) -> ImageList:
    """Sort the images like a published feature file that names its images; without one, change nothing.

    A split numbers the rows of its authors' features. Images in any other order would get wrong labels.
    """
    for features in xlsa17.feature_names(folder):
        path = folder / f"{features}.mat"
        arrays = read_mat(path, ("image_files", "labels"), texts=("image_files",))
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
            first = f"row {row}: {files[row]}, class {published[row]} here and {labels[row]} there, from 0"
            what = f"{len(different)} rows have another class than in the index files, first {first}"
            fix = "find out which of them belongs to this dataset, and move the other away"
            raise DataError(what, where=path, fix=fix)
        return ImageList(files, labels, boxes)
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
        counts = f"{len(names)} images and the index files other {len(files)}"
        fix = "use the index files of this dataset, or move the feature file away"
        raise DataError(f"the feature file names {counts}: {unknown} does not fit", where=path, fix=fix)
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for row in reversed(range(len(file_ends))):
        rows[file_ends[row]].append(row)
    return [rows[name].pop() for name in name_ends]


def _last_parts(name: str, parts: int) -> str:
    return "/".join(PurePosixPath(name).parts[-parts:])


def list_animals(folder: Path, images: Path) -> ImageList:
    """List Animals with Attributes 1 and 2 (Lampert et al. 2014, Xian et al. 2019) by class folder and name.

    The published split shows that this is its order: the runs of rows of its unseen classes are as long as
    these classes. The archive numbers the images of a class, so the splits show if one is missing.
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
        what = "there is no folder of JPEG files for each class"
        raise DataError(what, where=images, fix="name the archive's JPEGImages")
    return ImageList(tuple(files), _class_ids(folder, [file.partition("/")[0] for file in files], images))


def list_birds(folder: Path, images: Path) -> ImageList:
    """List Caltech-UCSD Birds 200-2011 (Wah et al. 2011) by images.txt."""
    path = _find_index("images.txt", folder, images)
    files = tuple(words[1] for words in _read_index(path, 2))
    return ImageList(files, _class_ids(folder, [file.rpartition("/")[0] for file in files], path))


def list_flowers(folder: Path, images: Path) -> ImageList:
    """List Oxford Flowers 102 (Nilsback and Zisserman 2008): training, validation, test of setid.mat."""
    (labels,) = _read_arrays(_find_index("imagelabels.mat", folder, images), ("labels",))
    path = _find_index("setid.mat", folder, images)
    numbers = np.concatenate([part.astype(np.int64) for part in _read_arrays(path, FLOWER_PARTS)])
    if not np.array_equal(np.sort(numbers), np.arange(1, len(labels) + 1)):
        what = f"the parts do not contain each number from 1 to {len(labels)} once"
        raise DataError(what, where=path, fix=_COPY_AGAIN)
    files = tuple(f"image_{number:05d}.jpg" for number in numbers.tolist())
    return ImageList(files, labels.astype(np.int64)[numbers - 1] - 1)


def list_scenes(folder: Path, images: Path) -> ImageList:
    """List SUN Attribute (Patterson et al., IJCV 2014) by images.mat.

    The path gives the class: t/temple/south_asia/sun_x.jpg belongs to temple_south_asia.
    """
    path = _find_index("images.mat", folder, images, below="SUNAttributeDB")
    (names,) = _read_arrays(path, ("images",))
    files = tuple(str(name).replace("\\", "/") for name in names.tolist())
    classes = ["_".join(file.split("/")[1:-1]) for file in files]
    return ImageList(files, _class_ids(folder, classes, path))


def list_objects(folder: Path, images: Path) -> ImageList:
    """List aPascal and aYahoo (Farhadi et al., CVPR 2009) by the three lists of attribute_data.

    A line has a file, a class, left, upper, right and lower edge in pixels from 1, and attributes. A row is
    an object, not an image: some images have several objects, so boxes are always used.
    """
    files: list[str] = []
    classes: list[str] = []
    boxes: list[NDArray[np.float64]] = []
    for name, folders in OBJECT_LISTS.items():
        path = _find_index(name, folder, images, below="attribute_data")
        lines = _read_index(path, 6)
        first = lines[0][0]
        below = next((below for below in folders if (images / below / first).is_file()), None)
        if below is None:
            what = f"{first}, the first of a list, is in none of its folders: {', '.join(folders[1:])}"
            fix = "name a folder with the images of both PASCAL VOC 2008 and aYahoo"
            raise DataError(what, where=images, fix=fix)
        files += [(PurePosixPath(below) / words[0]).as_posix() for words in lines]
        classes += [words[1] for words in lines]
        try:
            boxes.append(np.array([words[2:6] for words in lines], dtype=np.float64))
        except ValueError as error:
            raise DataError(f"not all edges are numbers: {error}", where=path, fix=_COPY_AGAIN) from error
    edges = np.concatenate(boxes).astype(np.int64)
    edges[:, :2] -= 1
    return ImageList(tuple(files), _class_ids(folder, classes, path), edges)


def list_built(folder: Path, images: Path) -> ImageList:
    """List the images of a dataset that `gzslbench data build` wrote, from its listing.csv."""
    path = folder / LISTING
    lines = read_lines(path)
    if read_record(folder).get("files", {}).get(LISTING) != sha256_of(path):
        what = f"the file was changed, or is not the one that {RECORD} describes"
        raise DataError(what, where=path, fix="build the dataset again, in another folder")
    files, names = zip(*(cells for _, cells in lines[1:]), strict=True)
    return ImageList(files, _class_ids(folder, names, path))


def _find_index(name: str, folder: Path, images: Path, below: str = "") -> Path:
    """Find an index file near the splits or the images, or there in the archive's folder ``below``."""
    for base in (folder, images, images.parent):
        for candidate in (base / name, base / below / name):
            if candidate.is_file():
                return candidate
    fix = f"put {name} of the dataset's archive next to the splits, in {folder}"
    raise DataError(f"the index file {name} is missing", where=f"{folder} and {images}", fix=fix)


def _read_index(path: Path, fields: int) -> list[list[str]]:
    """Return the words of every line that is not empty; a line needs at least ``fields`` words."""
    with reading(path, DataError):
        text = path.read_text(encoding="utf-8", errors="replace")
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    for number, words in lines or [(1, [])]:
        if len(words) < fields:
            what = f"line {number} has {len(words)} words, not {fields}" if lines else "the file is empty"
            raise DataError(what, where=path, fix=_COPY_AGAIN)
    return [words for _, words in lines]


def _read_arrays(path: Path, names: tuple[str, ...]) -> list[np.ndarray]:
    arrays = read_mat(path, names)
    for name in names:
        if name not in arrays:
            raise DataError(f"{name!r} is missing", where=path, fix=_COPY_AGAIN)
    return [np.asarray(arrays[name]).ravel() for name in names]


def _class_ids(folder: Path, names: Sequence[str], path: Path) -> NDArray[np.int64]:
    """Return ``(N,)`` class ids from 0, in the order of the splits' ``allclasses_names``."""
    one, *others = read_all_splits(folder)
    for splits in others:
        if splits.class_names != one.class_names:
            what = "two splits files have different classes, or in another order"
            fix = "give allclasses_names the same order in both"
            raise DataError(what, where=f"{one.path} and {splits.path}", fix=fix)
    ids = {name: number for number, name in enumerate(one.class_names)}
    for name in names:
        if name not in ids:
            what = f"{name!r} is not a class of the splits in {folder}"
            raise DataError(what, where=path, fix=did_you_mean(name, list(ids)))
    return np.array([ids[name] for name in names], dtype=np.int64)
