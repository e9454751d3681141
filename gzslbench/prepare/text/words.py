"""The words in a class's name."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\d+\.")
_BETWEEN = re.compile(r"[+_/\s]+")
_NO_NAME = re.compile(r"(class[ _])?(\d+)")


def words(name: str) -> str:
    """``043.Yellow_bellied_Flycatcher`` as "Yellow bellied Flycatcher"; ``blue+whale`` as "blue whale".

    A number with a full stop before the name goes, ``+``, ``_`` and ``/`` stand between words, and hyphens
    and capitals stay. A name that is a number alone has no words.
    """
    name = name.strip()
    if number(name) is not None:
        return ""
    return _BETWEEN.sub(" ", _NUMBER.sub("", name, count=1) if _NUMBER.match(name) else name).strip()


def number(name: str) -> int | None:
    """The number of a class without a name, ``17``, ``class 17`` or ``class_17``; None of any other."""
    found = _NO_NAME.fullmatch(name.strip())
    return int(found[2]) if found else None
