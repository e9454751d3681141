"""How a run computed what may be computed in more than one way: beside its numbers, for its record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_open: list[dict[str, str]] = []


def told(what: str, how: str) -> None:
    """Enter into every open account that ``what`` is computed thus from here on."""
    for account in _open:
        account[what] = how


@contextmanager
def account_kept() -> Iterator[dict[str, str]]:
    """What is told inside, by what it is told of; the last word counts."""
    account: dict[str, str] = {}
    _open.append(account)
    try:
        yield account
    finally:
        _open[:] = [each for each in _open if each is not account]
