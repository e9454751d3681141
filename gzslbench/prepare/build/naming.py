"""Names of classes: when two are the same, and which is nearest to one that nobody knows."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence

from gzslbench.errors import DataError


def composed(name: str) -> str:
    """The name in Unicode's composed form (NFC), so that é is one letter whichever system wrote it."""
    return unicodedata.normalize("NFC", name)


def check_apart(named: Iterable[tuple[str, str]]) -> None:
    """Refuse names that are equal, or differ in nothing but upper and lower case.

    Args:
        named: Names, each with where it stands.

    Raises:
        DataError: Two are.
    """
    places: dict[str, tuple[str, str]] = {}
    for name, place in named:
        before = places.setdefault(name.casefold(), (name, place))
        if before != (name, place):
            differing = "" if name == before[0] else f", and {before[0]!r} differs in case alone"
            raise DataError(
                f"the class {name!r} comes twice{differing}",
                where=f"{before[1]} and {place}",
                fix="give each class one name of its own, told apart by more than case",
            )


def nearest(name: str, known: Sequence[str]) -> str:
    """`` (did you mean 'x'?)``, or nothing where no name is near."""
    by_lower = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(name.casefold(), by_lower, n=1, cutoff=0.5)
    return f" (did you mean {by_lower[near[0]]!r}?)" if near else ""
