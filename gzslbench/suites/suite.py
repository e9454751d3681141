"""Suites: which runs belong together, as TOML that a plugin bundles or at any path."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gzslbench.errors import ParamError, did_you_mean
from gzslbench.execution.plan import Request
from gzslbench.plugins import plugins
from gzslbench.suites.claim import Claim

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_OWN = ("eval_every", "precision", "preprocessing", "shuffle_semantics", "head")
_RUN_KEYS = {"name", "method", "seeds", "epochs", "at", "set", "head_set", *_OWN}


@dataclass(frozen=True)
class SuiteRun:
    """Runs of one setting; entries of one name are read together.

    Attributes:
        name: What their numbers are stored under.
        request: What to run.
        at: The epoch at which they are read; fixed beforehand. None: at the end, whenever that is.
    """

    name: str
    request: Request
    at: int | None


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
        ParamError: There is none, or it is not a suite.
    """
    bundled = {} if name.endswith(".toml") else bundled_suites()
    path = bundled.get(name, Path(name))
    if not path.is_file():
        raise ParamError(f"no suite {name!r}", where=path, fix=did_you_mean(name, list(bundled)))
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        runs = tuple(_run(entry, content) for entry in content["runs"])
        claims = tuple(_claim(entry, runs) for entry in content.get("claims", ()))
        return Suite(path.stem, path, content["title"], runs, claims, _tolerance(content))
    except (ValueError, KeyError, TypeError) as error:
        raise ParamError(
            f"not a suite: {error}", where=path, fix="compare it with a bundled one, such as flo-lite0"
        ) from error


def _run(entry: Mapping[str, Any], content: Mapping[str, Any]) -> SuiteRun:
    unknown = entry.keys() - _RUN_KEYS
    if unknown:
        raise KeyError(f"run {entry.get('name')!r} has the unknown key {min(unknown)!r}")
    settings = {**content.get("settings", {}).get(entry["method"], {}), **entry.get("set", {})}
    request = Request(
        method=entry["method"],
        seeds=tuple(entry["seeds"]),
        epochs=entry.get("epochs"),
        settings=_assignments(settings),
        head_settings=_assignments(entry.get("head_set", {})),
        **{**content["shared"], **{name: entry[name] for name in _OWN if name in entry}},
    )
    at = entry.get("at", request.epochs)
    if request.select != "last":
        raise ValueError(f"run {entry['name']!r} is read at a fixed epoch, which leaves nothing to select")
    if at is not None and at != request.epochs and not _is_within(at, request):
        raise ValueError(
            f"run {entry['name']!r} is not evaluated at = {at}: choose a multiple of eval_every ="
            f" {request.eval_every} up to epochs = {request.epochs}"
        )
    return SuiteRun(entry["name"], request, at)


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
