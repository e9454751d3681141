"""Compare the names of classes, and read lists of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from gzslbench.data.formats.xlsa17 import numbered_classes
from gzslbench.errors import DataError, nearest


def compose(name: str) -> str:
    """Return the name in Unicode's composed form (NFC): é is one letter, on every system."""
    return unicodedata.normalize("NFC", name)


def check_unique(names: Iterable[tuple[str, str]]) -> None:
    """Raise a DataError if two of the names, given with their places, differ only in upper and lower case."""
    places: dict[str, tuple[str, str]] = {}
    for name, place in names:
        before = places.setdefault(name.casefold(), (name, place))
        if before != (name, place):
            differing = "" if name == before[0] else f", and {before[0]!r} differs only in case"
            what, where = f"the class {name!r} is repeated{differing}", f"{before[1]} and {place}"
            fix = "give each class its own name, which differs from others in more than case"
            raise DataError(what, where=where, fix=fix)


def suggest(name: str, known: Sequence[str]) -> str:
    """Return `` (did you mean 'x'?)``, or an empty text if no name is similar."""
    near = nearest(name, known)
    return f" (did you mean {near!r}?)" if near else ""


def read_names(path: Path) -> dict[str, str]:
    """Read a class list; return the place of each name, in Unicode's composed form."""
    listed = [(compose(name), f"{path}: line {line}") for line, name in numbered_classes(path)]
    check_unique(listed)
    return dict(listed)
