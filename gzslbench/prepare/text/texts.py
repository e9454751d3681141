"""The texts that are encoded, class by class."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from gzslbench.errors import DataError, ParamError
from gzslbench.prepare.text.descriptions import Texts
from gzslbench.prepare.text.words import words

PLACE = "{}"


def class_texts(
    names: Sequence[str], described: Sequence[Texts] | None, templates: Sequence[str], where: object
) -> list[Texts]:
    """Every description of a class, or the words of its name, in every template.

    Args:
        names: Of C classes.
        described: Their descriptions in the same order; None takes the names.
        templates: Each with one ``{}``; none at all leaves the texts as they are.
        where: What to blame in an error.

    Returns:
        C times one text or more.

    Raises:
        DataError: A class has no words, a text is empty, or two classes have the same texts.
        ParamError: A template has no ``{}``, or several.
    """
    for template in templates:
        if template.count(PLACE) != 1:
            raise ParamError(
                f"the template {template!r} has no single {PLACE} for the class",
                where="--template",
                fix='write it like "a photo of a {}."',
            )
    inner = [(words(name),) for name in names] if described is None else described
    for name, texts in zip(names, inner, strict=True):
        if not all(text.strip() for text in texts):
            raise _empty(name, described is None, where)
    whole = [
        tuple(template.replace(PLACE, text.strip()) for template in templates or (PLACE,) for text in texts)
        for texts in inner
    ]
    _refuse_twins(names, whole, where)
    return whole


def fingerprint(texts: Sequence[Texts]) -> str:
    """sha256 of the texts in their order."""
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def _empty(name: str, by_name: bool, where: object) -> DataError:
    if by_name:
        return DataError(
            f"the class {name!r} has no name in words",
            where=where,
            fix="tell what the classes are with --descriptions FILE, by number where they have no names",
        )
    return DataError(f"a text of the class {name!r} is empty", where=where, fix="write one, or remove it")


def _refuse_twins(names: Sequence[str], whole: Sequence[Texts], where: object) -> None:
    first: dict[frozenset[str], str] = {}
    for name, texts in zip(names, whole, strict=True):
        twin = first.setdefault(frozenset(texts), name)
        if twin != name:
            raise DataError(
                f"the classes {twin!r} and {name!r} have the same text: {texts[0]!r}",
                where=where,
                fix="describe them differently with --descriptions FILE",
            )
