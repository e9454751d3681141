"""Read the published files of LAD, the Large-scale Attribute Dataset (Zhao et al., CVPR Workshops 2019).

The layout is known from the authors' page and from public programs that read the files, not from the files
themselves. So every assumption about them is checked. Commas separate the fields of a line:

- ``label_list.txt``: ``Label_A_01, name, name in Chinese``; the letter is the super-class.
- ``attributes_per_class.txt``: ``Label_A_01, [ 0.5 0.1 … ]``, a number for each attribute.
- ``images.txt``: number, ``Label_A_01``, four edges of a box, path below ``LAD_images``. Boxes are not used.
- ``split_zsl.txt``: ``Unseen_List_1: Label_A_03, Label_F_07, …``, five lists over all super-classes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gzslbench.data.formats.xlsa17 import numbered_classes
from gzslbench.errors import DataError, ParamError

SUPER_CLASSES = {"A": "animals", "F": "fruits", "V": "vehicles", "E": "electronics", "H": "hairstyles"}
_LABEL = re.compile(rf"Label_([{''.join(SUPER_CLASSES)}])_\d+")
_UNKNOWN_LAYOUT = "use the files as their authors publish them; if they are, please report this line"


def read_lad(folder: Path, layout: str) -> dict[str, Any]:
    """Return the arguments of a ``Request`` for ``layout``, ``lad:K`` or ``lad:K:S``.

    The unseen classes are those of list K, 1 to 5. With the letter S of a super-class only its classes are
    taken: the paper has an experiment for each super-class and list.

    Raises:
        ParamError: The layout is none of these.
        DataError: A file is missing, or has another layout.
    """
    match = re.fullmatch(rf"lad:(\d+)(?::([{''.join(SUPER_CLASSES)}]))?", layout)
    if match is None:
        letters = ", ".join(f"{letter} {name}" for letter, name in SUPER_CLASSES.items())
        fix = f"write lad:K for the list K of unseen classes, or lad:K:S with S one of {letters}"
        raise ParamError(f"no layout {layout!r}", where="--layout", fix=fix)
    below = (folder / name for name in ("LAD_annotations", "LAD_images"))
    lists, images = (path if path.is_dir() else folder for path in below)
    found = {label: fields[0] for _, label, fields in _read(lists / "label_list.txt", 0)}
    names = _name_classes({label: name for label, name in found.items() if match[2] in (None, label[6])})
    vectors = {
        names[label]: _parse_vector(fields, where)
        for where, label, fields in _read(lists / "attributes_per_class.txt", 0)
        if label in names
    }
    rows = [row for row in _read(lists / "images.txt", 1) if row[1] in names]
    for where, _, fields in rows:
        if len(fields) != 6 or not all(field.lstrip("-").isdigit() for field in fields[1:5]):
            what = "not a number, a label, four edges of a box and a path"
            raise DataError(what, where=where, fix=_UNKNOWN_LAYOUT)
    return {
        "images": images,
        "labels": [names[label] for _, label, _ in rows],
        "names": [fields[5] for _, _, fields in rows],
        "semantics": vectors,
        "unseen": _read_unseen(lists / "split_zsl.txt", int(match[1]), found, names),
        "layout": layout,
    }


def _read(path: Path, place: int) -> Iterator[tuple[str, str, list[str]]]:
    """Yield where a line is, the label in its field ``place``, and its other fields."""
    for number, line in numbered_classes(path):
        fields, where = [field.strip() for field in line.split(",")], f"{path}: line {number}"
        if len(fields) < 2 or not _LABEL.fullmatch(fields[place]):
            what = f"field {place + 1} is not a label such as Label_A_01"
            raise DataError(what, where=where, fix=_UNKNOWN_LAYOUT)
        yield where, fields.pop(place), fields


def _name_classes(found: dict[str, str]) -> dict[str, str]:
    """Return the name of each label; a name that several classes have gets the label too."""
    counts = Counter(name.casefold() for name in found.values())
    return {
        label: name if name and counts[name.casefold()] == 1 else f"{name} ({label})".strip()
        for label, name in found.items()
    }


def _parse_vector(fields: list[str], where: str) -> list[float]:
    try:
        if not (fields[0].startswith("[") and fields[-1].endswith("]")):
            raise ValueError("no numbers in brackets")
        return [float(number) for number in " ".join(fields).strip("[] ").split()]
    except ValueError as error:
        raise DataError(f"not a label and a vector: {error}", where=where, fix=_UNKNOWN_LAYOUT) from error


def _read_unseen(path: Path, number: int, found: dict[str, str], names: dict[str, str]) -> list[str]:
    """Return the unseen classes of a list that are among ``names``; the list names only classes ``found``."""
    lists: dict[int, list[str]] = {}
    for line_number, line in numbered_classes(path):
        match = re.fullmatch(r"Unseen_List_(\d+)\s*:(.*)", line)
        labels = [label.strip() for label in match[2].strip(" ,").split(",")] if match else []
        unknown = [label for label in labels if label not in found]
        if match is None or unknown:
            what = f"{unknown[0]!r} is not in label_list.txt" if unknown else "not a list of unseen classes"
            raise DataError(what, where=f"{path}: line {line_number}", fix=_UNKNOWN_LAYOUT)
        lists[int(match[1])] = labels
    if number not in lists:
        fix = f"choose one of {', '.join(map(str, lists)) or 'none'}"
        raise DataError(f"there is no Unseen_List_{number}", where=path, fix=fix)
    return [names[label] for label in lists[number] if label in names]
