"""Suites: which runs belong together. A suite is a TOML file, bundled by a plugin or at any path."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from gzslbench.errors import ParamError, did_you_mean
from gzslbench.plugins.registry import EVERY_FOLDER, is_own, plugins
from gzslbench.runs.plan import Request
from gzslbench.sweeps.suites.schema import (
    Axes,
    Claim,
    GridEntry,
    RunEntry,
    SuiteFile,
    line_of,
    read_suite_file,
    suite_error,
)

_SETTINGS = ("name", "method", "seeds", "at", "set", "head_set", "epochs")
"""Keys of an entry that are not passed to ``Request`` as they are."""


@dataclass(frozen=True)
class SuiteRun:
    """Runs of one setting; all runs of one name are summarized and stored together.

    ``at`` is the epoch at which they are read, chosen before any result was known; None: the last one.
    ``where`` is the file and the line of the entry.
    """

    name: str
    request: Request
    at: int | None
    where: str = ""


@dataclass(frozen=True)
class Suite:
    """Runs that belong together.

    Attributes:
        name: Name of its file, without the ending.
        path: Its file. Stored metrics of a bundled suite are in ``metrics``, next to the folder of suites.
        title: Its purpose, in one line.
        claims: Claims of papers that the runs test.
        tolerance: Points of percent by which a later mean may differ; None: by the spread over the seeds.
    """

    name: str
    path: Path
    title: str
    runs: tuple[SuiteRun, ...]
    claims: tuple[Claim, ...] = ()
    tolerance: float | None = None

    def select(self, only: Sequence[str] = (), data: Path | None = None) -> Suite:
        """Keep the runs that have one of the texts ``only`` in their name, and read all data from ``data``.

        Raises:
            ParamError: No run has any of the texts in its name.
        """
        runs = [run for run in self.runs if not only or any(text in run.name for text in only)]
        if not runs:
            what = f"no runs of {self.name!r} have {' or '.join(map(repr, only))} in their name"
            fix = f"the names are: {', '.join(dict.fromkeys(run.name for run in self.runs))}"
            raise ParamError(what, where="--only", fix=fix)
        if data is not None:
            runs = [replace(run, request=replace(run.request, data=data)) for run in runs]
        return replace(self, runs=tuple(runs))


def bundled_suites() -> dict[str, Path]:
    """List every suite that a plugin bundles, by name."""
    return {path.stem: path for folder in plugins().suites() for path in sorted(folder.glob("suites/*.toml"))}


def load_suite(name: str) -> Suite:
    """Load the bundled suite of this name, or the suite at this path.

    Raises:
        ParamError: There is none, or it is not a suite; the message names the line that is wrong.
    """
    bundled = {} if name.endswith(".toml") else bundled_suites()
    path = bundled.get(name, Path(name))
    if not path.is_file():
        fix = did_you_mean(name, list(bundled)) if bundled else "name an existing file, or a bundled suite"
        raise ParamError(f"no suite {name!r}", where=path.absolute(), fix=fix)
    content, text = read_suite_file(path)
    if not content.runs and not content.grids:
        raise suite_error("it has neither [[runs]] nor [[grids]]", path)
    runs = tuple(_list_runs(content, path, text))
    _check_names(runs)
    methods = list(dict.fromkeys(run.request.method for run in runs))
    for method in content.settings:
        if method not in methods:
            what = f"[settings.{method}] is not a method of this suite; {did_you_mean(method, methods)}"
            raise suite_error(what, path)
    names = list(dict.fromkeys(run.name for run in runs))
    for number, claim in enumerate(content.claims):
        for side in (claim.better, claim.than):
            if side not in names:
                what = f"claim about {claim.method!r}: no runs {side!r}; {did_you_mean(side, names)}"
                raise suite_error(what, line_of(path, text, "[[claims]]", number))
    return Suite(path.stem, path, content.title, runs, tuple(content.claims), content.tolerance)


def _list_runs(content: SuiteFile, path: Path, text: str) -> Iterator[SuiteRun]:
    """The runs that are written out, then those of grids."""
    for number, entry in enumerate(content.runs):
        with _errors_at(line_of(path, text, "[[runs]]", number)) as where:
            yield _complete(entry, content, where)
    written_out = {entry.method for entry in content.runs}
    for number, grid in enumerate(content.grids):
        with _errors_at(line_of(path, text, "[[grids]]", number)) as where:
            yield from [_complete(entry, content, where) for entry in expand_grid(grid, written_out)]


def _check_names(runs: Iterable[SuiteRun]) -> None:
    """Refuse two settings under one name: their numbers would be averaged as seeds of one."""
    known: dict[str, tuple[SuiteRun, Request]] = {}
    for run in runs:
        # A longer training that is read at the same epoch is the same setting.
        setting = replace(run.request, seeds=(), epochs=run.at, eval_every=0)
        first, of_first = known.setdefault(run.name, (run, setting))
        if setting != of_first:
            what = f"two different settings have the name {run.name!r}; the first is at {first.where}"
            raise suite_error(what, run.where)


@contextmanager
def _errors_at(where: str) -> Iterator[str]:
    try:
        yield where
    except (ValueError, TypeError) as error:
        raise suite_error(error, where) from error


def _complete(entry: RunEntry, content: SuiteFile, where: str) -> SuiteRun:
    """An entry, completed by what the suite says for its method and for all runs."""
    fields = msgspec.to_builtins(entry)  # without the keys that the file leaves out
    if len(set(entry.seeds)) < len(entry.seeds):
        raise ValueError(f"seeds = {entry.seeds} has one twice")
    own = {name: value for name, value in fields.items() if name not in _SETTINGS}
    request = Request(
        method=entry.method,
        seeds=tuple(entry.seeds),
        epochs=fields.get("epochs"),
        settings=_assignments({**content.settings.get(entry.method, {}), **entry.set}),
        head_settings=_assignments(entry.head_set),
        **{**msgspec.to_builtins(content.shared), **own},
    )
    if (request.select, request.calibrate) != ("last", "none"):
        if "at" in fields:
            chosen = "gamma" if request.select == "last" else "its epoch"
            raise ValueError(f"run {entry.name!r} chooses {chosen} on validation classes: leave out at")
        return SuiteRun(entry.name, request, None, where)
    at, epochs, every = fields.get("at", request.epochs), request.epochs, request.eval_every
    is_evaluated = at == epochs or (every > 0 and at % every == 0 and epochs is not None and 0 < at < epochs)
    if at is not None and not is_evaluated:
        when = f"at = {at}, but each {every} of {epochs} epochs"
        raise ValueError(f"run {entry.name!r} is not evaluated {when}")
    return SuiteRun(entry.name, request, at, where)


def _assignments(settings: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in settings.items())


MOST_RUNS = 100_000  # of one grid


def expand_grid(grid: GridEntry, written_out: Collection[str] = ()) -> Iterator[RunEntry]:
    """List every run of a grid as an entry of ``[[runs]]``; its name says what the grid varies.

    ``dataset = "CUB/sent"`` is short for a dataset and its semantics. Values of ``set`` and ``head_set`` may
    be lists too. ``method = "*"`` stands for every method of gzslbench itself that is not in ``written_out``,
    the methods that ``[[runs]]`` of the suite name, and that needs no image-text model. A run that matches
    all keys of an entry of ``exclude`` is left out.
    """
    content = msgspec.to_builtins(grid)
    if content["method"] == EVERY_FOLDER:
        own = (name for name, entry in plugins().entries["methods"].items() if is_own(entry))
        missing = (plugins().method(name) for name in own if name not in written_out)
        content["method"] = [spec.name for spec in missing if not spec.shared_space]
        if not content["method"]:
            return
    axes = {name: _as_list(name, content[name]) for name in Axes.__struct_fields__ if name in content}
    for table in ("set", "head_set"):
        axes |= {f"{table}.{name}": _as_list(name, value) for name, value in content[table].items()}
    count = math.prod(map(len, axes.values()))
    if count > MOST_RUNS:
        raise ValueError(f"the grid has {count:,} runs, more than {MOST_RUNS:,}: shorten its lists")
    runs = [_split(dict(zip(axes, values, strict=True))) for values in itertools.product(*axes.values())]
    exclusions = content["exclude"]
    for exclusion in exclusions:
        if not any(_matches(run, exclusion) for run in runs):
            raise ValueError(f"exclude has {dict(exclusion)}, which no run of the grid matches")
    kept = [run for run in runs if not any(_matches(run, exclusion) for exclusion in exclusions)]
    if not kept:
        raise ValueError("every run of the grid is excluded")
    name = grid.name.strip()
    if name and len(kept) > 1:
        raise ValueError(f"{len(kept)} runs of the grid would have the name {name!r}: leave the name out")
    shared = ("seeds", "validation_features", "eval_every", "eval_repeats", "select", "shuffle_semantics")
    common = {key: content[key] for key in shared if key in content}
    suffix = ", semantics shuffled" if "shuffle_semantics" in common else ""
    for run in kept:
        entry = {**common, "name": name or _describe(run, axes) + suffix, "set": {}, "head_set": {}}
        for key, value in run.items():
            table, dot, parameter = key.partition(".")
            if dot:
                entry[table][parameter] = value
            else:
                entry[key] = value
        yield msgspec.convert(entry, RunEntry)


def _as_list(name: str, value: Any) -> Sequence[Any]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise ValueError(f"{name} is an empty list")
    return values


def _split(run: dict[str, Any]) -> dict[str, Any]:
    """Split ``CUB/sent`` into dataset and semantics. A path has more slashes, or begins with one."""
    dataset, slash, semantics = run["dataset"].partition("/")
    if slash and dataset and "/" not in semantics and "semantics" not in run:
        return {**run, "dataset": dataset, "semantics": semantics}
    return run


def _matches(run: Mapping[str, Any], exclusion: Mapping[str, Any]) -> bool:
    known = {name: {value} for name, value in run.items()}
    known["dataset"].add(f"{run['dataset']}/{run.get('semantics')}")
    return all(known.get(name, set()) & set(_as_list(name, values)) for name, values in exclusion.items())


def _describe(run: Mapping[str, Any], axes: Mapping[str, Sequence[Any]]) -> str:
    """Method, dataset and head, and all else that the grid varies."""
    semantics = f"/{run['semantics']}" if "semantics" in run else ""
    others = [
        f"{name.partition('.')[2] or name}={run[name]}"
        for name, values in axes.items()
        if (len(values) > 1 or name == "head") and name not in ("method", "dataset", "semantics")
    ]
    return ", ".join([f"{run['method']} on {run['dataset']}{semantics}", *others])
