"""List the images of the published datasets, from the index files of their authors.

The order of each list is the order that the proposed split indexes (Xian et al., TPAMI 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.formats import xlsa17
from gzslbench.data.formats.matfile import read_mat
from gzslbench.errors import DataError, did_you_mean
from gzslbench.files import check_folder, reading
from gzslbench.prepare.extract.image_lists.image_list import ImageList

_COPY_AGAIN = "copy the file again"
FLOWER_PARTS = ("trnid", "valid", "tstid")
OBJECT_LISTS = ("apascal_train.txt", "apascal_test.txt", "ayahoo_test.txt")
PASCAL_FOLDERS = ("", "JPEGImages", "VOC2008/JPEGImages", "VOCdevkit/VOC2008/JPEGImages")
YAHOO_FOLDERS = ("", "ayahoo_test_images")


def list_animals(folder: Path, images: Path) -> ImageList:
    """List Animals with Attributes 1 and 2 (Lampert et al. 2014, Xian et al. 2019) by class folder and name.

    The published split shows that this is its order: the runs of rows of its unseen classes are as long as
    these classes. The archive numbers the images of a class, so the splits show if one is missing.

    Args:
        folder: The dataset's folder, with its splits.
        images: JPEGImages, with a folder for each class.

    Raises:
        DataError: There are no such folders, or one is not a class of the splits.
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
            "there is no folder of JPEG files for each class",
            where=images,
            fix="name the archive's JPEGImages",
        )
    return ImageList(tuple(files), class_ids(folder, [file.partition("/")[0] for file in files], images))


def list_birds(folder: Path, images: Path) -> ImageList:
    """List Caltech-UCSD Birds 200-2011 (Wah et al. 2011) by images.txt; boxes from bounding_boxes.txt.

    Raises:
        DataError: An index file is missing or damaged, or names a class that the splits do not have.
    """
    path = find_index("images.txt", folder, images)
    lines = read_index(path, 2)
    files = tuple(words[1] for words in lines)
    labels = class_ids(folder, [file.rpartition("/")[0] for file in files], path)
    return ImageList(files, labels, _read_bird_boxes(folder, images, [words[0] for words in lines]))


def _read_bird_boxes(folder: Path, images: Path, numbers: list[str]) -> NDArray[np.int64] | None:
    try:
        path = find_index("bounding_boxes.txt", folder, images)
    except DataError:
        return None
    boxes = {words[0]: words[1:5] for words in read_index(path, 5)}
    missing = [number for number in numbers if number not in boxes]
    if missing:
        raise DataError(f"image {missing[0]} has no box", where=path, fix=_COPY_AGAIN)
    try:
        edges = np.array([[float(word) for word in boxes[number]] for number in numbers])
    except ValueError as error:
        raise DataError(f"not all edges are numbers: {error}", where=path, fix=_COPY_AGAIN) from error
    edges[:, 2:] += edges[:, :2]  # The file has width and height.
    rounded: NDArray[np.int64] = np.rint(edges).astype(np.int64)
    return rounded


def list_flowers(folder: Path, images: Path) -> ImageList:
    """List Oxford Flowers 102 (Nilsback and Zisserman 2008): training, validation, test of setid.mat.

    Raises:
        DataError: imagelabels.mat or setid.mat is missing or damaged, or they contradict each other.
    """
    labels = _read_arrays(find_index("imagelabels.mat", folder, images), ("labels",))["labels"]
    path = find_index("setid.mat", folder, images)
    parts = _read_arrays(path, FLOWER_PARTS)
    numbers = np.concatenate([parts[part] for part in FLOWER_PARTS])
    if not np.array_equal(np.sort(numbers), np.arange(1, len(labels) + 1)):
        raise DataError(
            f"the parts do not contain each number from 1 to {len(labels)} once",
            where=path,
            fix="download imagelabels.mat and setid.mat from the Oxford Flowers page",
        )
    files = tuple(f"image_{number:05d}.jpg" for number in numbers.tolist())
    return ImageList(files, labels[numbers - 1] - 1)


def _read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    arrays = read_mat(path, names)
    missing = [name for name in names if name not in arrays]
    if missing:
        raise DataError(
            f"{missing[0]!r} is missing", where=path, fix="download it from the Oxford Flowers page"
        )
    return {name: np.asarray(arrays[name]).ravel().astype(np.int64) for name in names}


def list_objects(folder: Path, images: Path) -> ImageList:
    """List aPascal and aYahoo (Farhadi et al., CVPR 2009) by the three lists of attribute_data.

    A line has a file, a class, left, upper, right and lower edge in pixels from 1, and attributes. A row is
    an object, not an image: some images have several objects, so boxes are always used.

    Args:
        folder: The dataset's folder.
        images: The folder with PASCAL VOC 2008 and ayahoo_test_images, or with the images of both.

    Raises:
        DataError: A list or the images are missing, or a list is damaged or names an unknown class.
    """
    files: list[str] = []
    classes: list[str] = []
    edges: list[list[str]] = []
    for name in OBJECT_LISTS:
        path = find_index(name, folder, images, below="attribute_data")
        lines = read_index(path, 6)
        folders = YAHOO_FOLDERS if name.startswith("ayahoo") else PASCAL_FOLDERS
        prefix = _find_folder(images, folders, lines[0][0])
        files += [prefix + words[0] for words in lines]
        classes += [words[1] for words in lines]
        edges += [words[2:6] for words in lines]
    try:
        boxes = np.array(edges, dtype=np.float64).astype(np.int64)
    except ValueError as error:
        raise DataError(f"not all edges are numbers: {error}", where=path, fix=_COPY_AGAIN) from error
    boxes[:, :2] -= 1
    return ImageList(tuple(files), class_ids(folder, classes, path), boxes, boxed=True)


def _find_folder(images: Path, candidates: tuple[str, ...], first: str) -> str:
    """Return the folder below ``images`` with the file ``first``, with a slash unless it is empty."""
    for candidate in candidates:
        if (images / candidate / first).is_file():
            return f"{candidate}/" if candidate else ""
    raise DataError(
        f"{first}, the first of a list, is in none of its folders: {', '.join(filter(None, candidates))}",
        where=images,
        fix="put the images of PASCAL VOC 2008 and of aYahoo below one folder, and name that folder",
    )


def list_scenes(folder: Path, images: Path) -> ImageList:
    """List SUN Attribute (Patterson et al., IJCV 2014) by images.mat.

    The path gives the class: t/temple/south_asia/sun_x.jpg belongs to temple_south_asia.

    Raises:
        DataError: images.mat is missing or damaged, or names a class that the splits do not have.
    """
    path = find_index("images.mat", folder, images, below="SUNAttributeDB")
    arrays = read_mat(path, ("images",))
    if "images" not in arrays:
        raise DataError("'images' is missing", where=path, fix="use images.mat of the attributes' archive")
    files = tuple(str(name).replace("\\", "/") for name in arrays["images"].tolist())
    classes = ["_".join(file.split("/")[1:-1]) for file in files]
    return ImageList(files, class_ids(folder, classes, path))


def find_index(name: str, folder: Path, images: Path, below: str = "") -> Path:
    """Find an index file in the dataset's folder, the images' folder, or the folder above the images.

    Args:
        name: The file's name.
        folder: The dataset's folder.
        images: The images' folder.
        below: A folder of the archive, in any of these, that may contain the file.

    Raises:
        DataError: It is in none of them.
    """
    bases = (folder, images, images.parent)
    candidates = [base / sub / name for base in bases for sub in dict.fromkeys(("", below))]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise DataError(
        f"the index file {name} is missing",
        where=f"{folder} and {images}",
        fix=f"put {name} of the dataset's archive next to the splits, in {folder}",
    )


def read_index(path: Path, fields: int) -> list[list[str]]:
    """Return the words of every line that is not empty; a line needs at least ``fields`` words.

    Raises:
        DataError: The file cannot be read or is empty, or a line has fewer words.
    """
    with reading(path, DataError):
        text = path.read_text(encoding="utf-8", errors="replace")
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    for number, words in lines:
        if len(words) < fields:
            raise DataError(
                f"line {number} has {len(words)} words, not {fields}", where=path, fix=_COPY_AGAIN
            )
    if not lines:
        raise DataError("the file is empty", where=path, fix=_COPY_AGAIN)
    return [words for _, words in lines]


def class_ids(folder: Path, names: Sequence[str], where: Path) -> NDArray[np.int64]:
    """Return ``(N,)`` class ids from 0, in the order of the splits' ``allclasses_names``.

    Args:
        folder: The dataset's folder, with its splits.
        names: The class of each row.
        where: The file that the names come from.

    Raises:
        DataError: There are no splits, or a name is not one of their classes.
    """
    semantics = xlsa17.semantics_names(folder)
    if not semantics:
        raise DataError(
            "there are no semantics", where=folder / f"*{xlsa17.SPLITS}", fix="put att_splits.mat there"
        )
    known = xlsa17.read_splits(folder, semantics[0]).class_names
    ids = {name: number for number, name in enumerate(known)}
    for name in names:
        if name not in ids:
            raise DataError(
                f"{name!r} is not a class of the splits in {folder}",
                where=where,
                fix=did_you_mean(name, list(known)),
            )
    return np.array([ids[name] for name in names], dtype=np.int64)
