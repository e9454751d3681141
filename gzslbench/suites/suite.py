"""Suites: which runs belong together, as TOML that a plugin bundles or at any path."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gzslbench.errors import ParamError, did_you_mean
from gzslbench.execution.plan import Request
from gzslbench.plugins import plugins
from gzslbench.suites.claim import Claim
from gzslbench.suites.grid import entries_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_OWN = (
    "dataset", "features", "semantics", "select", "eval_every", "precision", "preprocessing",
    "shuffle_semantics", "head",
)  # fmt: skip
_RUN_KEYS = {"name", "method", "seeds", "epochs", "at", "set", "head_set", *_OWN}
_SUITE_KEYS = {"title", "about", "tolerance", "shared", "settings", "runs", "grids", "claims"}


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
        raise ParamError(f"no suite {name!r}", where=path, fix=did_you_mean(name, list(bundled)))
    with _reading(f"{path}"):
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
        title, tolerance = content["title"], _tolerance(content)
        unknown = content.keys() - _SUITE_KEYS
        if unknown:
            raise KeyError(f"unknown key {min(unknown)!r}")
    runs = tuple(_runs(content, path, text))
    claims = []
    for number, entry in enumerate(content.get("claims", ())):
        with _reading(where_is(path, text, "claims", number)):
            claims.append(_claim(entry, runs))
    return Suite(path.stem, path, title, runs, tuple(claims), tolerance)


@contextmanager
def _reading(where: str) -> Iterator[None]:
    """Turn what is wrong with an entry into an error that says where it is."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = error.args[0] if isinstance(error, KeyError) and error.args else error
        raise ParamError(
            f"not a suite: {what}", where=where, fix="compare it with a bundled one, such as flo-lite0"
        ) from error


def _runs(content: Mapping[str, Any], path: Path, text: str) -> Iterator[SuiteRun]:
    """The runs that are written out, then those of grids, each with its line."""
    if not content.get("runs") and not content.get("grids"):
        with _reading(str(path)):
            raise KeyError("it has neither [[runs]] nor [[grids]]")
    for number, entry in enumerate(content.get("runs", ())):
        where = where_is(path, text, "runs", number)
        with _reading(where):
            yield _run(entry, content, where)
    for number, grid in enumerate(content.get("grids", ())):
        where = where_is(path, text, "grids", number)
        with _reading(where):
            runs = [_run(entry, content, where) for entry in entries_of(grid)]
        yield from runs


def where_is(path: Path, text: str, table: str, number: int) -> str:
    """The file and the line of entry ``number``, from 0, of an array of tables."""
    headers = [
        line
        for line, content in enumerate(text.splitlines(), start=1)
        if content.split("#")[0].replace(" ", "") == f"[[{table}]]"
    ]
    return f"{path}, line {headers[number]}" if number < len(headers) else str(path)


def _run(entry: Mapping[str, Any], content: Mapping[str, Any], where: str) -> SuiteRun:
    unknown = entry.keys() - _RUN_KEYS
    if unknown:
        raise KeyError(f"run {entry.get('name')!r} has the unknown key {min(unknown)!r}")
    missing = [name for name in ("name", "method", "seeds") if name not in entry]
    if missing:
        raise KeyError(f"run {entry.get('name')!r} has no {missing[0]!r}")
    settings = {**content.get("settings", {}).get(entry["method"], {}), **entry.get("set", {})}
    request = Request(
        method=entry["method"],
        seeds=_seeds(entry["seeds"]),
        epochs=entry.get("epochs"),
        settings=_assignments(settings),
        head_settings=_assignments(entry.get("head_set", {})),
        **{**content.get("shared", {}), **{name: entry[name] for name in _OWN if name in entry}},
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
    return tuple(seeds)


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
