"""Suites: which runs belong together, as TOML that a plugin bundles or at any path."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gzslbench.errors import ParamError, did_you_mean
from gzslbench.plugins.registry import plugins
from gzslbench.runs.plan import Request
from gzslbench.sweep.suites.claim import Claim
from gzslbench.sweep.suites.grid import entries_of
from gzslbench.sweep.suites.shape import check_kinds, check_known, table_of, tables_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_OWN = (
    "dataset", "features", "semantics", "select", "eval_every", "precision", "preprocessing",
    "shuffle_semantics", "head",
)  # fmt: skip
_RUN_KEYS = {"name", "method", "seeds", "epochs", "at", "set", "head_set", *_OWN}
_SHARED_KEYS = {"data", "device", "deterministic", *_OWN}
_SUITE_KEYS = {"title", "about", "tolerance", "shared", "settings", "runs", "grids", "claims"}
_Settings = Mapping[str, Mapping[str, Any]]
"""By method."""


@dataclass(frozen=True)
class SuiteRun:
    """Runs of one setting; entries of one name are read together.

    Attributes:
        name: What their numbers are stored under.
        request: What to run.
        at: The epoch at which they are read; fixed beforehand. None: at the end, whenever that is.
        where: The file and the line that they are asked for in.
    """

    name: str
    request: Request
    at: int | None
    where: str = ""


@dataclass(frozen=True)
class Suite:
    """What belongs together.

    Attributes:
        name: Of its file, without the ending.
        path: Its file; what is stored of a bundled one lies in ``metrics`` beside the folder of suites.
        title: What it is for, in a line.
        runs: What to run.
        claims: What the runs are asked about the claims of papers.
        tolerance: Points of percent that a later mean may differ by; None: by its spread over the seeds.
    """

    name: str
    path: Path
    title: str
    runs: tuple[SuiteRun, ...]
    claims: tuple[Claim, ...] = ()
    tolerance: float | None = None


def bundled_suites() -> dict[str, Path]:
    """Every suite that a plugin bundles, by name."""
    return {path.stem: path for folder in plugins().suites() for path in sorted(folder.glob("suites/*.toml"))}


def load_suite(name: str) -> Suite:
    """The bundled suite of this name, or the one at this path.

    Raises:
        ParamError: There is none, or it is not a suite; the line that is wrong is named.
    """
    bundled = {} if name.endswith(".toml") else bundled_suites()
    path = bundled.get(name, Path(name))
    if not path.is_file():
        fix = (
            did_you_mean(name, list(bundled)) if bundled else "name a file that is there, or a bundled suite"
        )
        raise ParamError(f"no suite {name!r}", where=path.absolute(), fix=fix)
    with _reading(f"{path}"):
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
        check_known(content, _SUITE_KEYS, "it")
        title, tolerance = _title(content), _tolerance(content)
        claimed = tables_of(content, "claims")
    with _reading(where_is(path, text, "[shared]")):
        shared = table_of(content, "shared")
        check_known(shared, _SHARED_KEYS, "[shared]")
        check_kinds(shared)
    with _reading(str(path)):
        tables = table_of(content, "settings")
        settings = {name: table_of(tables, name) for name in tables}
    runs = tuple(_runs(content, path, text, shared, settings))
    with _reading(str(path)):
        _check_settings(settings, runs)
    claims = []
    for number, entry in enumerate(claimed):
        with _reading(where_is(path, text, "[[claims]]", number)):
            claims.append(_claim(entry, runs))
    return Suite(path.stem, path, title, runs, tuple(claims), tolerance)


@contextmanager
def _reading(where: str) -> Iterator[None]:
    """Turn what is wrong with an entry into an error that says where it is."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = error.args[0] if isinstance(error, KeyError) and error.args else error
        fix = f"compare it with a bundled one: {bundled_suites().get('digits', 'digits')}"
        raise ParamError(f"not a suite: {what}", where=where, fix=fix) from error


def _runs(
    content: Mapping[str, Any], path: Path, text: str, shared: Mapping[str, Any], settings: _Settings
) -> Iterator[SuiteRun]:
    """The runs that are written out, then those of grids, each with its line."""
    with _reading(str(path)):
        entries, grids = tables_of(content, "runs"), tables_of(content, "grids")
        if not entries and not grids:
            raise KeyError("it has neither [[runs]] nor [[grids]]")
    for number, entry in enumerate(entries):
        where = where_is(path, text, "[[runs]]", number)
        with _reading(where):
            yield _run(entry, shared, settings, where)
    for number, grid in enumerate(grids):
        where = where_is(path, text, "[[grids]]", number)
        with _reading(where):
            runs = [_run(entry, shared, settings, where) for entry in entries_of(grid)]
        yield from runs


def _check_settings(settings: _Settings, runs: Sequence[SuiteRun]) -> None:
    methods = list(dict.fromkeys(run.request.method for run in runs))
    for name in settings:
        if name not in methods:
            raise KeyError(f"[settings.{name}] is of no method here; {did_you_mean(name, methods)}")


def where_is(path: Path, text: str, header: str, number: int = 0) -> str:
    """The file and the line of a table's header, ``number`` times after the first."""
    headers = [
        line
        for line, content in enumerate(text.splitlines(), start=1)
        if content.split("#")[0].replace(" ", "") == header
    ]
    return f"{path}, line {headers[number]}" if number < len(headers) else str(path)


def _run(entry: Mapping[str, Any], shared: Mapping[str, Any], settings: _Settings, where: str) -> SuiteRun:
    check_known(entry, _RUN_KEYS, f"run {entry.get('name')!r}")
    check_kinds(entry)
    missing = [name for name in ("name", "method", "seeds") if name not in entry]
    if missing:
        raise KeyError(f"run {entry.get('name')!r} has no {missing[0]!r}")
    assigned = {**settings.get(entry["method"], {}), **entry.get("set", {})}
    request = Request(
        method=entry["method"],
        seeds=_seeds(entry["seeds"]),
        epochs=entry.get("epochs"),
        settings=_assignments(assigned),
        head_settings=_assignments(entry.get("head_set", {})),
        **{**shared, **{name: entry[name] for name in _OWN if name in entry}},
    )
    if request.select != "last":
        if "at" in entry:
            raise ValueError(f"run {entry['name']!r} selects its epoch by {request.select!r}: leave out at")
        return SuiteRun(entry["name"], request, None, where)
    at = entry.get("at", request.epochs)
    if at is not None and at != request.epochs and not _is_within(at, request):
        raise ValueError(
            f"run {entry['name']!r} is not evaluated at = {at}: choose a multiple of eval_every ="
            f" {request.eval_every} up to epochs = {request.epochs}"
        )
    return SuiteRun(entry["name"], request, at, where)


def _seeds(seeds: Any) -> tuple[int, ...]:
    if not (isinstance(seeds, list) and seeds and all(type(seed) is int and seed >= 0 for seed in seeds)):
        raise ValueError(f"seeds = {seeds!r} is no list of whole numbers from 0")
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds = {seeds!r} has one twice")
    return tuple(seeds)


def _title(content: Mapping[str, Any]) -> str:
    title = content.get("title")
    if not isinstance(title, str) or not title.strip():
        raise KeyError("it has no title")
    return title


def _tolerance(content: Mapping[str, Any]) -> float | None:
    tolerance = content.get("tolerance")
    if tolerance is not None and not (type(tolerance) in (int, float) and 0 < tolerance < 100):
        raise ValueError(f"tolerance = {tolerance!r} is no number of points between 0 and 100")
    return tolerance


def _is_within(epoch: int, request: Request) -> bool:
    """Whether a run is evaluated after ``epoch``, before its last."""
    due = request.eval_every > 0 and epoch % request.eval_every == 0
    return due and request.epochs is not None and 0 < epoch < request.epochs


def _claim(entry: Mapping[str, Any], runs: Sequence[SuiteRun]) -> Claim:
    claim = Claim(**entry)
    known = list(dict.fromkeys(run.name for run in runs))
    for name in (claim.better, claim.than):
        if name not in known:
            raise KeyError(f"claim about {claim.method!r}: no runs {name!r}; {did_you_mean(name, known)}")
    return claim


def _assignments(settings: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in settings.items())
