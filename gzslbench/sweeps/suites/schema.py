"""The schema of a suite's TOML file, and the errors of files that do not fit it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from gzslbench.errors import ParamError, did_you_mean
from gzslbench.files import parse_toml

Seeds = Annotated[list[Annotated[int, Meta(ge=0)]], Meta(min_length=1)]
Texts = str | Annotated[list[str], Meta(min_length=1)]
Counts = int | Annotated[list[int], Meta(min_length=1)]


class RunOptions(Struct, forbid_unknown_fields=True, kw_only=True):
    """The options of ``gzslbench run`` that ``[shared]`` and ``[[runs]]`` both take."""

    dataset: str | UnsetType = UNSET
    features: str | UnsetType = UNSET
    validation_features: str | UnsetType = UNSET
    semantics: str | UnsetType = UNSET
    select: str | UnsetType = UNSET
    calibrate: str | UnsetType = UNSET
    eval_every: int | UnsetType = UNSET
    eval_repeats: int | UnsetType = UNSET
    precision: str | UnsetType = UNSET
    preprocessing: str | UnsetType = UNSET
    shuffle_semantics: int | UnsetType = UNSET
    control: str | UnsetType = UNSET
    head: str | UnsetType = UNSET


class Shared(RunOptions, forbid_unknown_fields=True, kw_only=True):
    """``[shared]``: the options of all runs."""

    data: str | UnsetType = UNSET
    device: str | UnsetType = UNSET
    deterministic: bool | UnsetType = UNSET


class RunEntry(RunOptions, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """``[[runs]]``: runs of one setting, one for each seed. ``at`` is the epoch at which they are read."""

    name: str
    method: str
    seeds: Seeds
    epochs: int | UnsetType = UNSET
    at: int | UnsetType = UNSET
    set: dict[str, Any] = {}
    head_set: dict[str, Any] = {}


class Axes(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a grid multiplies, and what an entry of its ``exclude`` may name."""

    method: Texts | UnsetType = UNSET
    dataset: Texts | UnsetType = UNSET
    features: Texts | UnsetType = UNSET
    semantics: Texts | UnsetType = UNSET
    head: Texts | UnsetType = UNSET
    preprocessing: Texts | UnsetType = UNSET
    precision: Texts | UnsetType = UNSET
    calibrate: Texts | UnsetType = UNSET
    epochs: Counts | UnsetType = UNSET


class GridEntry(Axes, forbid_unknown_fields=True, kw_only=True):
    """``[[grids]]``: all combinations of the lists, without those that ``exclude`` matches."""

    method: Texts
    dataset: Texts
    seeds: Seeds
    name: str = ""
    set: dict[str, Any] = {}
    head_set: dict[str, Any] = {}
    exclude: list[Axes] = []
    validation_features: str | UnsetType = UNSET
    eval_every: int | UnsetType = UNSET
    eval_repeats: int | UnsetType = UNSET
    select: str | UnsetType = UNSET
    shuffle_semantics: int | UnsetType = UNSET


class Claim(Struct, frozen=True, forbid_unknown_fields=True):
    """``[[claims]]``: what a paper says of a method, and the names of the runs that test it.

    The runs ``better`` should be better in ``metric`` than the runs ``than``.
    """

    method: str
    text: str
    better: str
    than: str
    metric: Literal["U", "S", "H", "T1", "AUSUC"] = "H"


class SuiteFile(Struct, forbid_unknown_fields=True, kw_only=True):
    """The whole file. ``tolerance`` is in points of percent; ``settings`` are parameters by method."""

    title: Annotated[str, Meta(min_length=1)]
    about: str = ""
    tolerance: Annotated[float, Meta(gt=0, lt=100)] | None = None
    shared: Shared = msgspec.field(default_factory=Shared)
    settings: dict[str, dict[str, Any]] = {}
    runs: list[RunEntry] = []
    grids: list[GridEntry] = []
    claims: list[Claim] = []


_TABLES = {"runs": RunEntry, "grids": GridEntry, "shared": Shared, "claims": Claim, "exclude": Axes}


def read_suite_file(path: Path) -> tuple[SuiteFile, str]:
    """Read a suite's file; returns its content, and its text, in which ``line_of`` finds tables."""
    text = ""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
        return msgspec.convert(parse_toml(content), SuiteFile), text
    except msgspec.ValidationError as error:
        what, where = _explain(f"{error}")
        raise suite_error(what, line_of(path, text, *where) if where else path) from error
    except (ValueError, OSError) as error:
        raise suite_error(error, path) from error


def suite_error(what: object, where: object) -> ParamError:
    """The error for a file that is not a suite."""
    fix = "compare it with a bundled one, such as benchmarks/suites/digits.toml"
    return ParamError(f"not a suite: {what}", where=where, fix=fix)


def line_of(path: Path, text: str, header: str, number: int = 0) -> str:
    """Name the file and the line of a table's header, the one with this number if there are several."""
    headers = [content.split("#")[0].replace(" ", "") for content in text.splitlines()]
    lines = [line for line, content in enumerate(headers, start=1) if content == header]
    return f"{path}, line {lines[number]}" if number < len(lines) else str(path)


def _explain(message: str) -> tuple[str, tuple[str, int] | None]:
    """Put a message of msgspec into the words of the file; also returns the table's header and number."""
    what, _, place = message.replace("`", "").partition(" - at $")
    found = re.match(r"\.(\w+)(?:\[(\d+)\])?", place)
    header = None
    if found:
        header = (f"[[{found[1]}]]", int(found[2])) if found[2] else (f"[{found[1]}]", 0)
    field = re.search(r"(unknown|required) field (\w+)", what)
    if field and field[1] == "unknown":
        tables = [_TABLES[name] for name in re.findall(r"\w+", place) if name in _TABLES]
        known = list((tables or [SuiteFile])[-1].__struct_fields__)
        return f"unknown key {field[2]!r}; {did_you_mean(field[2], known)}", header
    if field:
        return f"{field[2]!r} is missing", header
    what = what.replace("Expected", "expected").replace("object", "table")
    keys = re.findall(r"\.(\w+)", place)
    return (f"{keys[-1]}: {what}" if keys else what), header
