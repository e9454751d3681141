"""List the images of a dataset, from the index files of its authors or of `gzslbench data build`.

The order of each list is the order that the proposed split indexes (Xian et al., TPAMI 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.formats.matfile import read_mat
from gzslbench.errors import DataError, did_you_mean
from gzslbench.files import check_folder, reading
from gzslbench.prepare.build.tables import read_lines
from gzslbench.prepare.build.write import HEADER, LISTING
from gzslbench.prepare.extract.image_list import ImageList, read_all_splits

_COPY_AGAIN = "copy the file again from the dataset's archive"
_BUILD_AGAIN = "build the dataset again"
FLOWER_PARTS = ("trnid", "valid", "tstid")
PASCAL_FOLDERS = ("", "JPEGImages", "VOC2008/JPEGImages", "VOCdevkit/VOC2008/JPEGImages")
OBJECT_LISTS = {
    "apascal_train.txt": PASCAL_FOLDERS,
    "apascal_test.txt": PASCAL_FOLDERS,
    "ayahoo_test.txt": ("", "ayahoo_test_images"),
}
"""The folders that may contain the images of each list."""


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
        raise DataError(
            "there is no folder of JPEG files for each class",
            where=images,
            fix="name the archive's JPEGImages",
        )
    return ImageList(tuple(files), _class_ids(folder, [file.partition("/")[0] for file in files], images))


def list_birds(folder: Path, images: Path) -> ImageList:
    """List Caltech-UCSD Birds 200-2011 (Wah et al. 2011) by images.txt; boxes from bounding_boxes.txt."""
    path = _find_index("images.txt", folder, images)
    lines = _read_index(path, 2)
    files = tuple(words[1] for words in lines)
    labels = _class_ids(folder, [file.rpartition("/")[0] for file in files], path)
    try:
        path = _find_index("bounding_boxes.txt", folder, images)
    except DataError:
        return ImageList(files, labels)
    boxes = {words[0]: words[1:5] for words in _read_index(path, 5)}
    missing = [words[0] for words in lines if words[0] not in boxes]
    if missing:
        raise DataError(f"image {missing[0]} has no box", where=path, fix=_COPY_AGAIN)
    edges = _parse_edges([boxes[words[0]] for words in lines], path)
    edges[:, 2:] += edges[:, :2]  # The file has width and height.
    return ImageList(files, labels, np.rint(edges).astype(np.int64))


def list_flowers(folder: Path, images: Path) -> ImageList:
    """List Oxford Flowers 102 (Nilsback and Zisserman 2008): training, validation, test of setid.mat."""
    (labels,) = _read_arrays(_find_index("imagelabels.mat", folder, images), ("labels",))
    path = _find_index("setid.mat", folder, images)
    numbers = np.concatenate([part.astype(np.int64) for part in _read_arrays(path, FLOWER_PARTS)])
    if not np.array_equal(np.sort(numbers), np.arange(1, len(labels) + 1)):
        raise DataError(
            f"the parts do not contain each number from 1 to {len(labels)} once", where=path, fix=_COPY_AGAIN
        )
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
            raise DataError(
                f"{first}, the first of a list, is in none of its folders: {', '.join(folders[1:])}",
                where=images,
                fix="put the images of PASCAL VOC 2008 and of aYahoo below one folder, and name that folder",
            )
        files += [(PurePosixPath(below) / words[0]).as_posix() for words in lines]
        classes += [words[1] for words in lines]
        boxes.append(_parse_edges([words[2:6] for words in lines], path))
    edges = np.concatenate(boxes).astype(np.int64)
    edges[:, :2] -= 1
    return ImageList(tuple(files), _class_ids(folder, classes, path), edges, boxed=True)


def list_built(folder: Path, images: Path) -> ImageList:
    """List the images of a dataset that `gzslbench data build` wrote, from its listing.csv."""
    path = folder / LISTING
    (first, header), *lines = read_lines(path) or [(1, [])]
    if tuple(header) != HEADER:
        raise DataError(
            f"the header is not {','.join(HEADER)}", where=f"{path}: line {first}", fix=_BUILD_AGAIN
        )
    if not lines:
        raise DataError("the file has no image", where=path, fix=_BUILD_AGAIN)
    first_lines: dict[str, int] = {}
    for line, cells in lines:
        where = f"{path}: line {line}"
        if len(cells) != len(HEADER):
            raise DataError(f"{len(cells)} columns instead of {len(HEADER)}", where=where, fix=_BUILD_AGAIN)
        file = PurePosixPath(cells[0])
        if not cells[0] or file.is_absolute() or ".." in file.parts:
            raise DataError(
                f"{cells[0]!r} is not a path below the images' folder", where=where, fix="write folder/file"
            )
        before = first_lines.setdefault(cells[0], line)
        if before != line:
            raise DataError(
                f"the image {cells[0]!r} is listed twice",
                where=f"{path}: lines {before} and {line}",
                fix="list each image once",
            )
    one, *others = read_all_splits(folder)
    for splits in others:
        if splits.class_names != one.class_names:
            raise DataError(
                "two splits files have different classes, or in another order",
                where=f"{one.path} and {splits.path}",
                fix="give allclasses_names the same order in both",
            )
    labels = _class_ids(folder, [name for _, (_, name) in lines], path, [line for line, _ in lines])
    return ImageList(tuple(first_lines), labels)


def _find_index(name: str, folder: Path, images: Path, below: str = "") -> Path:
    """Find an index file near the splits or the images, or there in the archive's folder ``below``."""
    for base in (folder, images, images.parent):
        for candidate in (base / name, base / below / name):
            if candidate.is_file():
                return candidate
    raise DataError(
        f"the index file {name} is missing",
        where=f"{folder} and {images}",
        fix=f"put {name} of the dataset's archive next to the splits, in {folder}",
    )


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


def _parse_edges(words: Sequence[Sequence[str]], path: Path) -> NDArray[np.float64]:
    try:
        return np.array(words, dtype=np.float64)
    except ValueError as error:
        raise DataError(f"not all edges are numbers: {error}", where=path, fix=_COPY_AGAIN) from error


def _class_ids(
    folder: Path, names: Sequence[str], path: Path, lines: Sequence[int] = ()
) -> NDArray[np.int64]:
    """Return ``(N,)`` class ids from 0, in the order of the splits' ``allclasses_names``."""
    known = read_all_splits(folder)[0].class_names
    ids = {name: number for number, name in enumerate(known)}
    for row, name in enumerate(names):
        if name not in ids:
            raise DataError(
                f"{name!r} is not a class of the splits in {folder}",
                where=f"{path}: line {lines[row]}" if lines else path,
                fix=did_you_mean(name, list(known)),
            )
    return np.array([ids[name] for name in names], dtype=np.int64)
