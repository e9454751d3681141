"""Published numbers, from TOML files that say where each number was read.

A file is named after its method. It has ``title``, ``paper`` where that is known, and ``results``: an array
of tables with the fields of ``PublishedEntry``. What most of them have in common can be written once, in the
table ``shared``. If the source does not print H, the file has no H.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from gzslbench.data.catalogue import catalogue
from gzslbench.errors import GzslBenchError, did_you_mean
from gzslbench.files import check_folder, is_there, parse_toml, reading
from gzslbench.plugins.registry import plugins
from gzslbench.plugins.spec import Setting

METRICS = ("U", "S", "H", "T1")
ROUNDING = 0.15
"""Points between H and 2US/(U+S) that rounding to tenths explains: 0.05 of H, at most 0.1 of U and S."""
Text = Annotated[str, msgspec.Meta(min_length=1)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Split = Literal["ps-v1", "ps-v2", "unknown"]
Verified = Literal["seen", "memory", "doubtful"]
Habit = Literal["test-peek", "val", "last", "unknown"]
"""The epoch: the best on the test set, chosen by validation classes, or fixed before training."""
Calibrated = Literal["none", "test-peek", "fixed", "val", "unknown"]
"""The calibration constant: the best on the test set, fixed in the program, or by validation classes."""


class PublishedError(GzslBenchError):
    """A file of published numbers is missing or damaged, or contains an impossible value."""


class PublishedEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of a file: what one source prints of the file's method on one dataset.

    Attributes:
        dataset: One of the datasets known by name.
        semantics: ``att``, ``sent`` or another name; ``unknown`` where the source does not say.
        source: Where the number was read.
        verified: ``seen`` in that source, from ``memory``, or ``doubtful``: from memory, and unsure.
        U: Accuracy on unseen classes in percent, all classes being candidates; None if not printed.
        S: The same on seen classes.
        H: Harmonic mean of U and S as printed; None if not printed.
        T1: Accuracy on unseen classes in percent, only these being candidates.
        features: ``res101``, another backbone, ``own`` or ``unknown``.
        finetuned: Whether the backbone was fine-tuned on the seen classes.
        split: Edition of the proposed split, or ``unknown``.
        setting: What the method sees while it trains, as in a ``MethodSpec``.
        selection: How the epoch was chosen, as the published program does it; see ``Habit``.
        calibration: Where its calibration constant comes from, if it has one; see ``Calibrated``.
        code: Where selection and calibration were read: repository, file and line.
        label: What distinguishes it from the method as published: a rerun, a variant; empty for the method.
        note: What else a reader should know, such as a misprint that is corrected here.
    """

    dataset: Text
    semantics: Text
    source: Text
    verified: Verified
    U: Percent | None = None
    S: Percent | None = None
    H: Percent | None = None
    T1: Percent | None = None
    features: Text = "res101"
    finetuned: bool = False
    split: Split = "unknown"
    setting: Setting = "inductive"
    selection: Habit = "unknown"
    calibration: Calibrated = "unknown"
    code: str = ""
    label: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        """Check what the types cannot say."""
        if self.dataset not in catalogue():
            advice = did_you_mean(self.dataset, list(catalogue()))
            raise ValueError(f"unknown dataset {self.dataset!r}: {advice}")
        if all(getattr(self, name) is None for name in METRICS):
            raise ValueError("one of U, S, H and T1 must be given")


class PublishedNumber(PublishedEntry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry with its method: the name that ``--method`` takes, the paper's name of it, and the paper."""

    method: str
    title: str
    paper: str = ""

    @property
    def habits(self) -> str:
        """How the epoch and the calibration constant were chosen."""
        return f"selection {self.selection}, calibration {self.calibration}"

    @property
    def harmonic(self) -> float | None:
        """2US/(U+S) in percent; None without U and S."""
        if self.U is None or self.S is None:
            return None
        return 2 * self.U * self.S / (self.U + self.S) if self.U + self.S else 0.0

    @property
    def consistent(self) -> bool | None:
        """Whether H is the harmonic mean of U and S up to rounding; None if one of them is missing."""
        if self.H is None or self.harmonic is None:
            return None
        return abs(self.H - self.harmonic) <= ROUNDING

    def as_dict(self) -> dict[str, Any]:
        """Every field, the harmonic mean of U and S, and whether H agrees with it."""
        return {**msgspec.structs.asdict(self), "harmonic": self.harmonic, "consistent": self.consistent}


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: Text
    results: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]
    paper: str = ""
    shared: dict[str, Any] = {}


def read_published(path: Path) -> tuple[PublishedNumber, ...]:
    """Return the numbers of one file, in the order they are written; a PublishedError says what is wrong."""
    with reading(path, PublishedError):
        content = path.read_bytes()
    numbers: list[PublishedNumber] = []
    where = str(path)
    try:
        file = msgspec.convert(parse_toml(content), _File)
        for at, result in enumerate(file.results, start=1):
            where = f"{path}: entry {at} ({result.get('dataset', 'without dataset')})"
            fields = msgspec.structs.asdict(msgspec.convert({**file.shared, **result}, PublishedEntry))
            numbers.append(PublishedNumber(method=path.stem, title=file.title, paper=file.paper, **fields))
    except msgspec.ValidationError as error:
        fix = "compare the file with the others in its folder; numbers are in percent, as printed"
        raise PublishedError(str(error), where=where, fix=fix) from error
    except ValueError as error:
        raise PublishedError(f"not TOML: {error}", where=path, fix="correct the file at that line") from error
    return tuple(numbers)


def published_numbers(folder: Path) -> tuple[PublishedNumber, ...]:
    """Return the numbers of all files of a folder, sorted by method; raise a PublishedError if one fails."""
    check_folder(folder, PublishedError)
    return tuple(number for path in sorted(folder.glob("*.toml")) for number in read_published(path))


def published_of(method: str, folders: Iterable[Path]) -> tuple[PublishedNumber, ...]:
    """Return the numbers of one method, from its files in ``folders``; no other file is read."""
    paths = [folder / f"{method}.toml" for folder in folders]
    present = [path for path in paths if is_there(path, PublishedError)]
    return tuple(number for path in present for number in read_published(path))


def all_published_numbers() -> list[PublishedNumber]:
    """Return the published numbers of all plugins."""
    return [number for folder in plugins().published() for number in published_numbers(folder)]
