"""Numbers that others have published, from TOML files that tell where each was read.

A file is named after its method. It holds ``title``, ``paper`` where that is known, and ``results``: an array
of tables, each with the fields of ``PublishedNumber`` but method, title and paper. What most of them have in
common can stand once, in the table ``shared``. An H that the source does not print is left out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gzslbench.data.catalogue import catalogue
from gzslbench.errors import GzslBenchError, did_you_mean
from gzslbench.files import check_folder, is_there, reading
from gzslbench.plugins.setting import SETTINGS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

METRICS = ("U", "S", "H", "T1")
SPLITS = ("ps-v1", "ps-v2", "unknown")
VERIFIED = ("seen", "memory", "doubtful")
TOLERANCE = 0.15
"""Points that rounding to tenths can bring H from 2US/(U+S): 0.05 of its own, at most 0.1 of theirs."""
_COMPARE = "compare the file with the others beside it"
_OF_FILE = ("method", "title", "paper")
_TOP = ("title", "paper", "shared", "results")
_TEXTS = ("method", "title", "dataset", "semantics", "source", "verified", "features", "split", "setting")


class PublishedError(GzslBenchError):
    """A file of published numbers is missing, damaged or holds an impossible value."""


@dataclass(frozen=True)
class PublishedNumber:
    """What one source prints of one method on one dataset.

    Attributes:
        method: The method's name as ``--method`` takes it, which is the file's.
        title: The method's name as its paper writes it.
        dataset: One of the datasets known by name.
        semantics: ``att``, ``sent`` or another of the dataset's; ``unknown`` where the source does not say.
        source: Where the number was read.
        verified: ``seen`` in that source, from ``memory``, or ``doubtful``: from memory, and shaky.
        paper: Authors, venue and year.
        U: Accuracy on unseen classes in percent, all classes being candidates; None where not printed.
        S: The same on seen classes.
        H: Harmonic mean of U and S as printed; None where the source prints none.
        T1: Accuracy on unseen classes in percent, only these being candidates.
        features: ``res101``, another backbone, ``own`` or ``unknown``.
        finetuned: Whether the backbone was fine-tuned on the seen classes.
        split: Edition of the proposed split, or ``unknown``.
        setting: What the method sees while it trains, as for a ``MethodSpec``.
        label: What tells it from the method as published: a rerun, a variant; empty for the method itself.
        note: What else a reader should know, such as a misprint that is mended here.

    Raises:
        PublishedError: A field has the wrong type or an impossible value.
    """

    method: str
    title: str
    dataset: str
    semantics: str
    source: str
    verified: str
    paper: str = ""
    U: float | None = None
    S: float | None = None
    H: float | None = None
    T1: float | None = None
    features: str = "res101"
    finetuned: bool = False
    split: str = "unknown"
    setting: str = "inductive"
    label: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        _check(self)
        for name in METRICS:
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else float(value))

    @property
    def harmonic(self) -> float | None:
        """2US/(U+S) in percent; None without U and S."""
        if self.U is None or self.S is None:
            return None
        return 2 * self.U * self.S / (self.U + self.S) if self.U + self.S else 0.0

    @property
    def consistent(self) -> bool | None:
        """Whether H is the harmonic mean of U and S up to rounding; None where one of them is missing."""
        if self.H is None or self.harmonic is None:
            return None
        return abs(self.H - self.harmonic) <= TOLERANCE


def read_published(path: Path) -> tuple[PublishedNumber, ...]:
    """The numbers of one file, in the order they are written.

    Raises:
        PublishedError: The file cannot be read or is no TOML, or an entry lacks a field, has an unknown one,
            or one of an impossible value.
    """
    content = _load(path)
    heading = {"method": path.stem, "title": content["title"], "paper": content.get("paper", "")}
    entries = enumerate(content["results"], start=1)
    return tuple(_number(heading, {**content.get("shared", {}), **entry}, path, at) for at, entry in entries)


def published_numbers(folder: Path) -> tuple[PublishedNumber, ...]:
    """The numbers of all files of a folder, sorted by method.

    Raises:
        PublishedError: The folder cannot be read, or as ``read_published``.
    """
    check_folder(folder, PublishedError)
    return tuple(number for path in sorted(folder.glob("*.toml")) for number in read_published(path))


def published_of(method: str, folders: Iterable[Path]) -> tuple[PublishedNumber, ...]:
    """The numbers of one method, from the folders that have a file of it; no other file is read.

    Raises:
        PublishedError: As ``read_published``.
    """
    paths = [folder / f"{method}.toml" for folder in folders]
    there = [path for path in paths if is_there(path, PublishedError)]
    return tuple(number for path in there for number in read_published(path))


def _load(path: Path) -> dict[str, Any]:
    with reading(path, PublishedError):
        text = path.read_bytes()
    try:
        content: dict[str, Any] = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise PublishedError(f"not TOML: {error}", where=path, fix="mend the file at that line") from error
    _refuse_unknown(content, _TOP, str(path))
    results, shared = content.get("results"), content.get("shared", {})
    if not isinstance(results, list) or not results or not all(isinstance(each, dict) for each in results):
        raise PublishedError("it has no array of tables 'results'", where=path, fix=_COMPARE)
    if not isinstance(shared, dict) or "title" not in content:
        what = "it has no 'title'" if "title" not in content else "'shared' is no table"
        raise PublishedError(what, where=path, fix=_COMPARE)
    return content


def _number(heading: Mapping[str, Any], entry: Mapping[str, Any], path: Path, at: int) -> PublishedNumber:
    where = f"{path}: entry {at} ({entry.get('dataset', 'of no dataset')})"
    known = [field.name for field in fields(PublishedNumber) if field.name not in _OF_FILE]
    _refuse_unknown(entry, known, where)
    for name in ("dataset", "semantics", "source", "verified"):
        if name not in entry:
            raise PublishedError(f"it has no {name!r}", where=where, fix=_COMPARE)
    try:
        return PublishedNumber(**heading, **entry)
    except PublishedError as error:
        raise PublishedError(error.what, where=f"{where}: {error.where}", fix=error.fix) from error


def _refuse_unknown(table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    for name in table:
        if name not in known:
            raise PublishedError(f"unknown field {name!r}", where=where, fix=did_you_mean(name, list(known)))


def _check(number: PublishedNumber) -> None:
    for name in (*_TEXTS, "paper", "label", "note"):
        value = getattr(number, name)
        if not isinstance(value, str) or (name in _TEXTS and not value):
            raise _refusal(name, value, "no text", "write a word or a line between quotes")
    for name, known in _choices().items():
        value = getattr(number, name)
        if value not in known:
            raise _refusal(name, value, "none that there is", did_you_mean(value, list(known)))
    if not _is_flag(number.finetuned):
        raise _refusal("finetuned", number.finetuned, "neither true nor false", "write true or false")
    for name in METRICS:
        value = getattr(number, name)
        if value is not None and not _is_percentage(value):
            raise _refusal(name, value, "no number from 0 to 100", "write it in percent, as printed")
    if all(getattr(number, name) is None for name in METRICS):
        raise _refusal("U", None, "missing, like S, H and T1", "give one of them at least")


def _choices() -> dict[str, tuple[str, ...]]:
    return {"dataset": tuple(catalogue()), "split": SPLITS, "setting": SETTINGS, "verified": VERIFIED}


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_percentage(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 100


def _refusal(name: str, value: object, complaint: str, fix: str) -> PublishedError:
    shown = "" if value is None else f", {value!r},"
    return PublishedError(f"{name}{shown} is {complaint}", where=f"field {name!r}", fix=fix)
