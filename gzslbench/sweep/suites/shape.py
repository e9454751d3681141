"""What a suite's file must look like, before anything is made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gzslbench.errors import did_you_mean

KINDS: dict[str, type] = {
    **dict.fromkeys(
        ("name", "method", "dataset", "features", "semantics", "data", "head", "preprocessing"), str
    ),
    **dict.fromkeys(("precision", "select", "device"), str),
    **dict.fromkeys(("epochs", "at", "eval_every", "shuffle_semantics"), int),
    "deterministic": bool,
    "set": dict,
    "head_set": dict,
    "seeds": list,
    "exclude": list,
}
WORDS = {str: "text", int: "whole number", bool: "true or false", dict: "table", list: "list"}


def check_known(entry: Mapping[str, Any], known: Iterable[str], what: str) -> None:
    """Refuse keys that are not known.

    Raises:
        KeyError: ``what`` has one; the nearest known one is named.
    """
    names = sorted(known)
    for name in entry:
        if name not in names:
            raise KeyError(f"{what} has the unknown key {name!r}; {did_you_mean(name, names)}")


def check_kinds(entry: Mapping[str, Any], products: Iterable[str] = ()) -> None:
    """Refuse values of the wrong kind; those of ``products`` may be lists.

    Raises:
        ValueError: One is wrong.
    """
    listed = set(products)
    for name, value in entry.items():
        if name not in KINDS:
            continue
        for each in value if name in listed and isinstance(value, list) else [value]:
            _check_kind(name, each, KINDS[name])


def tables_of(content: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The entries of the array of tables ``[[name]]``.

    Raises:
        ValueError: It is something else.
    """
    found = content.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError(f"{name} is no array of tables: begin each entry with a line [[{name}]]")
    return found


def table_of(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The table ``[name]``, empty where there is none.

    Raises:
        ValueError: It is something else.
    """
    found = content.get(name, {})
    _check_kind(name, found, dict)
    return dict(found)


def _check_kind(name: str, value: Any, kind: type) -> None:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{name} = {value!r} is no {WORDS[kind]}")
