"""Grids of a suite: all combinations of their lists, without those that are excluded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from gzslbench.sweep.suites.schema import Axes, GridEntry, RunEntry

AXES = Axes.__struct_fields__


def expand_grid(grid: GridEntry) -> Iterator[RunEntry]:
    """List every run of a grid as an entry of ``[[runs]]``; its name says what the grid varies.

    ``dataset = "CUB/sent"`` is short for a dataset and its semantics. Values of ``set`` and ``head_set`` may
    be lists too. A run that matches all keys of an entry of ``exclude`` is left out.

    Raises:
        ValueError: A list is empty, an exclusion matches nothing, everything is excluded, or several runs
            would have one name.
    """
    content = msgspec.to_builtins(grid)
    axes = {name: _as_list(name, content[name]) for name in AXES if name in content}
    for table in ("set", "head_set"):
        axes |= {f"{table}.{name}": _as_list(name, value) for name, value in content[table].items()}
    runs = [_split(dict(zip(axes, values, strict=True))) for values in itertools.product(*axes.values())]
    kept = _exclude(runs, content["exclude"])
    name = grid.name.strip()
    if name and len(kept) > 1:
        raise ValueError(f"{len(kept)} runs of the grid would have the name {name!r}: leave the name out")
    common = {key: content[key] for key in ("seeds", "eval_every", "select") if key in content}
    for run in kept:
        yield msgspec.convert({**common, **_nest(run), "name": name or _describe(run, axes)}, RunEntry)


def _exclude(
    runs: Sequence[Mapping[str, Any]], exclusions: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    for exclusion in exclusions:
        if not any(_matches(run, exclusion) for run in runs):
            raise ValueError(f"exclude has {dict(exclusion)}, which no run of the grid matches")
    kept = [run for run in runs if not any(_matches(run, exclusion) for exclusion in exclusions)]
    if not kept:
        raise ValueError("every run of the grid is excluded")
    return kept


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
    return all(
        any(_has(run, name, value) for value in _as_list(name, values)) for name, values in exclusion.items()
    )


def _has(run: Mapping[str, Any], name: str, value: Any) -> bool:
    if name == "dataset" and "semantics" in run and value == f"{run[name]}/{run['semantics']}":
        return True
    return bool(run.get(name) == value)


def _nest(run: Mapping[str, Any]) -> dict[str, Any]:
    """Put ``set.NAME`` into the table ``set``, and ``head_set.NAME`` into ``head_set``."""
    entry: dict[str, Any] = {}
    for name, value in run.items():
        table, dot, key = name.partition(".")
        if dot:
            entry.setdefault(table, {})[key] = value
        else:
            entry[name] = value
    return entry


def _describe(run: Mapping[str, Any], axes: Mapping[str, Sequence[Any]]) -> str:
    """Method and dataset, and everything else of which the grid has several values."""
    semantics = f"/{run['semantics']}" if "semantics" in run else ""
    others = [
        f"{name.partition('.')[2] or name}={run[name]}"
        for name, values in axes.items()
        if len(values) > 1 and name not in ("method", "dataset", "semantics")
    ]
    return ", ".join([f"{run['method']} on {run['dataset']}{semantics}", *others])
