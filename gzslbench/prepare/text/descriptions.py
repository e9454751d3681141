"""What a file tells of classes: a JSON object, or a CSV file with the columns class and text."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from gzslbench.errors import DataError
from gzslbench.files import reading
from gzslbench.prepare.text.words import number, words

Texts = tuple[str, ...]
COLUMNS = ("class", "text")
FEW = 5
_SHAPE = 'write {"class": "text"} or {"class": ["one text", "another"]} as .json, or class,text as .csv'


def read_descriptions(path: Path) -> dict[str, Texts]:
    """One text or more for each class that ``path`` names, in its order.

    Raises:
        DataError: It cannot be read, is of neither kind, or tells of nothing.
    """
    with reading(path, DataError):
        content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
        pairs = _of_csv(text, path) if path.suffix.lower() == ".csv" else _of_json(text, path)
    except (ValueError, RecursionError, csv.Error) as error:
        raise DataError(f"no file of descriptions: {error}", where=path, fix=_SHAPE) from error
    found: dict[str, Texts] = {}
    for name, texts in pairs:
        found[name] = found.get(name, ()) + texts
    if not found:
        raise DataError("it describes no class", where=path, fix=_SHAPE)
    return found


def match(descriptions: Mapping[str, Texts], names: Sequence[str], path: Path) -> list[Texts]:
    """The texts of each class of ``names``, in their order.

    A class is called by its name, by the words in it in any case, or, where its name is no more than a
    number, by that number.

    Raises:
        DataError: A class has no description, two, or a description is of none of the classes.
    """
    keys = [(name, *_keys(name)) for name in names]
    times = Counter(key for each in keys for key in each)
    by_key = {key: place for place, each in enumerate(keys) for key in each if times[key] == 1}
    found: dict[int, str] = {}
    unknown = []
    for called in descriptions:
        place = next((by_key[key] for key in (called, *_keys(called)) if key in by_key), None)
        if place is None:
            unknown.append(called)
        elif place in found:
            raise DataError(
                f"{found[place]!r} and {called!r} are the same class", where=path, fix="describe it once"
            )
        else:
            found[place] = called
    missing = [name for place, name in enumerate(names) if place not in found]
    if unknown:
        raise _unknown(unknown, missing or names, path)
    if missing:
        raise DataError(
            f"{len(missing)} of {len(names)} classes are not described: {_listed(missing)}",
            where=path,
            fix="add them: every class needs semantics",
        )
    return [descriptions[found[place]] for place in range(len(names))]


def _keys(name: str) -> Iterable[object]:
    """What a class may be called besides its name; a number never meets a name that has words."""
    alone, spelt = number(name), words(name).casefold()
    return [key for key in (alone, ("words", spelt) if spelt else None) if key is not None]


def _unknown(unknown: Sequence[str], candidates: Sequence[str], path: Path) -> DataError:
    spelt = {words(name).casefold() or name: name for name in candidates}
    near = get_close_matches(words(unknown[0]).casefold() or unknown[0], spelt, n=1, cutoff=0.5)
    hint = f"did you mean {spelt[near[0]]!r}? " if near else ""
    return DataError(
        f"{len(unknown)} descriptions are of no class of this dataset: {_listed(unknown)}",
        where=path,
        fix=f"{hint}the classes are called {_listed(candidates)}",
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(map(repr, names[:FEW])) + more


def _of_json(text: str, path: Path) -> list[tuple[str, Texts]]:
    found = json.loads(text, object_pairs_hook=_once)
    if not isinstance(found, dict):
        raise DataError("it holds no object by class", where=path, fix=_SHAPE)
    return [(name, _texts(name, value, path)) for name, value in found.items()]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} comes twice")
    return found


def _texts(name: str, value: object, path: Path) -> Texts:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise DataError(f"what it tells of {name!r} is no text and no list of texts", where=path, fix=_SHAPE)
    return tuple(texts)


def _of_csv(text: str, path: Path) -> list[tuple[str, Texts]]:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise DataError(f"no column {missing[0]!r}", where=f"{path}: line 1", fix=_SHAPE)
    pairs: list[tuple[str, Texts]] = []
    for row in rows:
        if row[COLUMNS[0]] is None or row[COLUMNS[1]] is None or None in row:
            raise DataError(
                "a line with too few or too many columns",
                where=f"{path}: line {rows.line_num}",
                fix="put a text that has commas in it in double quotes",
            )
        pairs.append((row[COLUMNS[0]].strip(), (row[COLUMNS[1]],)))
    return pairs
