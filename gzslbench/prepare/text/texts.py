"""Read descriptions of classes, and write the texts that are encoded for each class."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gzslbench.data.formats.xlsa17 import read_utf8
from gzslbench.errors import DataError, ParamError, shorten
from gzslbench.prepare.building.names import suggest
from gzslbench.prepare.building.tables import read_lines

Texts = tuple[str, ...]
PLACEHOLDER = "{}"
_FORMAT = 'write {"class": "text"} or {"class": ["one text", "another"]} as .json, or class,text as .csv'
_LEADING_NUMBER = re.compile(r"^\d+\.")
_SEPARATORS = re.compile(r"[+_/\s]+")
_ONLY_NUMBER = re.compile(r"(class[ _])?(\d{1,9})")


def split_words(name: str) -> str:
    """Turn ``043.Red_Fox`` into "Red Fox" and ``blue+whale`` into "blue whale".

    A number with a full stop before the name is removed. ``+``, ``_`` and ``/`` become spaces. Hyphens and
    capitals stay. A name that is only a number has no words.
    """
    name = name.strip()
    if class_number(name) is not None:
        return ""
    return _SEPARATORS.sub(" ", _LEADING_NUMBER.sub("", name, count=1)).strip()


def class_number(name: str) -> int | None:
    """Return the number of a class that has no name (``17``, ``class 17``, ``class_17``), else None."""
    match = _ONLY_NUMBER.fullmatch(name.strip())
    return int(match[2]) if match else None


def read_descriptions(path: Path) -> dict[str, Texts]:
    """Read one or more texts for each class from a JSON object, or a CSV file with columns class and text."""
    descriptions: dict[str, Texts] = {}
    for name, texts in _read_csv(path) if path.suffix.lower() == ".csv" else _read_json(path):
        descriptions[name] = descriptions.get(name, ()) + texts
    if not descriptions:
        raise DataError("the file describes no class", where=path, fix=_FORMAT)
    return descriptions


def _read_json(path: Path) -> list[tuple[str, Texts]]:
    def refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for name, count in Counter(name for name, _ in pairs).items():
            if count > 1:
                raise ValueError(f"{name!r} is repeated")
        return dict(pairs)

    text = read_utf8(path)
    try:
        parsed = json.loads(text, object_pairs_hook=refuse_repeated_keys)
    except (ValueError, RecursionError) as error:
        raise DataError(f"this is not a file of descriptions: {error}", where=path, fix=_FORMAT) from error
    if not isinstance(parsed, dict):
        raise DataError("the file does not contain an object with classes", where=path, fix=_FORMAT)
    pairs: list[tuple[str, Texts]] = []
    for name, value in parsed.items():
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            what = f"the value of {name!r} is not a text or a list of texts"
            raise DataError(what, where=path, fix=_FORMAT)
        pairs.append((name, tuple(texts)))
    return pairs


def _read_csv(path: Path) -> list[tuple[str, Texts]]:
    (_, header), *lines = read_lines(path) or [(1, [])]
    if not {"class", "text"} <= set(header):
        raise DataError("the columns class and text are missing", where=f"{path}: line 1", fix=_FORMAT)
    pairs: list[tuple[str, Texts]] = []
    for number, cells in lines:
        if len(cells) != len(header):
            what, where = "this line has too few or too many columns", f"{path}: line {number}"
            raise DataError(what, where=where, fix="put a text with commas into double quotes")
        pairs.append((cells[header.index("class")].strip(), (cells[header.index("text")],)))
    return pairs


def match_descriptions(descriptions: Mapping[str, Texts], names: Sequence[str], path: Path) -> list[Texts]:
    """Return the texts of each class in the order of ``names``.

    A description may use the class's name, or its words in any case. A class that is only a number may be
    called by that number.
    """
    keys = [(name, *_keys(name)) for name in names]
    counts = Counter(key for of_class in keys for key in of_class)
    index = {key: i for i, of_class in enumerate(keys) for key in of_class if counts[key] == 1}
    matched: dict[int, str] = {}
    unknown = []
    for called in descriptions:
        i = next((index[key] for key in (called, *_keys(called)) if key in index), None)
        if i is None:
            unknown.append(called)
        elif matched.setdefault(i, called) != called:
            what = f"{matched[i]!r} and {called!r} are the same class"
            raise DataError(what, where=path, fix="describe it once")
    missing = [name for i, name in enumerate(names) if i not in matched]
    if unknown:
        candidates = missing or names
        names_and_hint = f"{_shorten(unknown)}{suggest(unknown[0], candidates)}"
        what = f"{len(unknown)} descriptions belong to no class of this dataset: {names_and_hint}"
        raise DataError(what, where=path, fix=f"the classes are called {_shorten(candidates)}")
    if missing:
        what = f"{len(missing)} of {len(names)} classes have no description: {_shorten(missing)}"
        raise DataError(what, where=path, fix="add them: every class needs semantics")
    return [descriptions[matched[i]] for i in range(len(names))]


def _keys(name: str) -> list[object]:
    """Return other ways to call a class. A number never matches a name that has words."""
    number, spelling = class_number(name), split_words(name).casefold()
    return [key for key in (number, ("words", spelling) if spelling else None) if key is not None]


def _shorten(names: Sequence[str]) -> str:
    return ", ".join(shorten(list(map(repr, names)), 5))


def class_texts(
    names: Sequence[str], described: Sequence[Texts] | None, templates: Sequence[str], where: object
) -> list[Texts]:
    """Put every description of a class, or without descriptions the words of its name, into every template.

    Without templates the texts stay as they are. ``where`` is the file to name in an error.
    """
    for template in templates:
        if template.count(PLACEHOLDER) != 1:
            what = f"the template {template!r} does not have exactly one {PLACEHOLDER}"
            raise ParamError(what, where="--template", fix='write it like "a photo of a {}."')
    inner = [(split_words(name),) for name in names] if described is None else described
    for name, texts in zip(names, inner, strict=True):
        if all(text.strip() for text in texts):
            continue
        what, fix = f"a text of the class {name!r} is empty", "write one, or remove it"
        if described is None:
            what = f"the class {name!r} has no name in words"
            fix = "describe the classes with --descriptions FILE, by number if needed"
        raise DataError(what, where=where, fix=fix)
    return [
        tuple(
            template.replace(PLACEHOLDER, text.strip())
            for template in templates or (PLACEHOLDER,)
            for text in texts
        )
        for texts in inner
    ]
