"""Read documents about classes: a text file, a folder of text files, or captions of images."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from gzslbench.data.dataset import Dataset
from gzslbench.data.formats.xlsa17 import read_utf8
from gzslbench.data.load import load_dataset
from gzslbench.errors import DataError
from gzslbench.files import reading, sha256_of
from gzslbench.prepare.building.tables import read_lines
from gzslbench.prepare.text.texts import Texts, read_descriptions

FROM_TEST = "the captions of unseen classes are of their test images"
"""The note on semantics for which there were no other captions. Reed et al. (CVPR 2016) do the same."""
_LEADING_NUMBER = re.compile(r"(\d+)\.")
_HEADING = "#"


def read_documents(
    path: Path, names: Sequence[str], dataset: Path, semantics: str
) -> tuple[dict[str, Texts], str]:
    """Return the texts of each class that ``path`` describes, and a note, which may be empty.

    - ``.json`` and ``.csv`` with the columns class and text: see ``read_descriptions``.
    - ``.txt``: paragraphs below a line ``# class`` for each class; or one line for each class, in the order
      of the numbers that begin the names (``001.Albatross``), or else in the order of ``names``.
    - A folder: paragraphs in ``class.txt``, or in the .txt files of a folder for each class. There, files
      with the names of images have a caption of the image in each line.
    - ``.csv`` with the columns image and text: captions.

    Captions are those of their image's class. Of a seen class, only captions of training images are read.
    The ``dataset`` with ``semantics`` is loaded if there may be captions.

    Raises:
        DataError: Something cannot be read, or does not fit to the classes or to the images.
    """
    if path.is_dir():
        return _read_folder(path, dataset, semantics)
    if path.suffix.lower() == ".txt":
        return _read_text(path, names), ""
    if path.suffix.lower() == ".csv" and "image" in (lines := read_lines(path) or [(1, [""])])[0][1]:
        header = lines[0][1]
        if "text" not in header or any(len(cells) != len(header) for _, cells in lines):
            fix = "write the columns image and text; put a text with commas into double quotes"
            raise DataError("not a table of captions", where=path, fix=fix)
        image, text = header.index("image"), header.index("text")
        pairs = [(cells[image], cells[text]) for _, cells in lines[1:]]
        return _by_class(pairs, load_dataset(dataset, semantics=semantics), path)
    return read_descriptions(path), ""


def fingerprint(path: Path) -> str:
    """Return the sha256 of a file, or of the names and contents of the text files below a folder."""
    if not path.is_dir():
        return sha256_of(path)
    files = (
        f"{file.relative_to(path).as_posix()}\0{sha256_of(file)}" for file in sorted(path.rglob("*.txt"))
    )
    return hashlib.sha256("\n".join(files).encode()).hexdigest()


def _paragraphs(text: str) -> Texts:
    """Return the blocks of lines between empty lines, each as one line."""
    blocks = (" ".join(block.split()) for block in re.split(r"\n\s*\n", text))
    return tuple(block for block in blocks if block)


def _read_text(path: Path, names: Sequence[str]) -> dict[str, Texts]:
    text = read_utf8(path)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and lines[0].startswith(_HEADING):
        found: dict[str, Texts] = {}
        for part in re.split(rf"^{_HEADING}+", text, flags=re.MULTILINE)[1:]:
            heading, _, body = part.partition("\n")
            found[heading.strip()] = found.get(heading.strip(), ()) + _paragraphs(body)
        return found
    if len(lines) != len(names):
        what = f"{len(lines)} lines for {len(names)} classes"
        fix = "write a line for each class; or a line `# class` and below it the paragraphs of the class"
        raise DataError(what, where=path, fix=fix)
    numbers = [match and int(match[1]) for match in map(_LEADING_NUMBER.match, names)]
    order = names if None in numbers else [name for _, name in sorted(zip(numbers, names, strict=True))]
    return {name: (line,) for name, line in zip(order, lines, strict=True)}


def _read_folder(folder: Path, dataset: Path, semantics: str) -> tuple[dict[str, Texts], str]:
    found: dict[str, Texts] = {}
    captions: list[tuple[str, str]] = []
    with reading(folder, DataError):
        below = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
        by_class = {path.name: sorted(path.rglob("*.txt")) for path in below if path.is_dir()}
    files = {path.stem: [path] for path in below if path.suffix.lower() == ".txt" and path.is_file()}
    loaded = load_dataset(dataset, semantics=semantics) if by_class else None
    images = _labels(loaded) if loaded else {}
    for name, documents in (files | by_class).items():
        for file in documents:
            text = read_utf8(file)
            if any(key in images for key in _keys(str(file))):
                captions += [(str(file), line) for line in text.splitlines() if line.strip()]
            else:
                found[name] = found.get(name, ()) + _paragraphs(text)
    if not captions or loaded is None:
        return found, ""
    of_images, note = _by_class(captions, loaded, folder)
    return found | {name: found.get(name, ()) + texts for name, texts in of_images.items()}, note


def _by_class(
    captions: Iterable[tuple[str, str]], dataset: Dataset, path: Path
) -> tuple[dict[str, Texts], str]:
    """Return the captions of training images and of images of unseen classes, by class, and the note."""
    rows, found = _labels(dataset), dict[str, Texts]()
    tested = {*dataset.split.test_seen.tolist()}
    for image, text in captions:
        row = next((rows[key] for key in _keys(image) if key in rows), None)
        if row is None:
            what = f"{dataset.name} has no image {image!r}"
            fix = "name images as the feature file does; it needs their names"
            raise DataError(what, where=path, fix=fix)
        if row not in tested:
            name = dataset.class_names[dataset.labels[row]]
            found[name] = (*found.get(name, ()), text.strip())
    return found, FROM_TEST


def _labels(dataset: Dataset) -> dict[str, int]:
    """Return the row of each image by its file's name without ending, or also by its folder's if needed."""
    keys = [_keys(file) for file in dataset.image_files]
    counts = np.unique([key[1] for key in keys], return_counts=True)[1]
    which = 1 if (counts == 1).all() else 0
    return {key[which]: row for row, key in enumerate(keys)}


def _keys(file: str) -> tuple[str, str]:
    """Return the last two parts, and the last part, of a path without its ending."""
    path = PurePosixPath(file.strip().replace("\\", "/")).with_suffix("")
    return "/".join(path.parts[-2:]), path.name
