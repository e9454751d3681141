"""Grids of a suite: lists as products, less what is excluded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

PRODUCTS = ("method", "dataset", "features", "semantics", "head", "preprocessing", "precision", "epochs")
GRID_KEYS = {*PRODUCTS, "seeds", "name", "set", "head_set", "exclude", "eval_every", "select"}


def entries_of(grid: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every run of a grid, as an entry of ``[[runs]]``; its name tells what it varies.

    ``dataset = "CUB/sent"`` is short for a dataset and its semantics. Values of ``set`` and ``head_set`` may
    be lists too. What matches every key of an entry of ``exclude`` is left out.

    Raises:
        KeyError: A key is unknown, or the grid has no method, dataset or seeds.
        ValueError: A list is empty, or everything is excluded.
    """
    unknown = grid.keys() - GRID_KEYS
    if unknown:
        raise KeyError(f"the grid has the unknown key {min(unknown)!r}")
    axes = {name: _listed(name, grid[name]) for name in PRODUCTS if name in grid}
    axes = {name: axes[name] for name in ("method", "dataset") if _required(name, axes)} | axes
    for table in ("set", "head_set"):
        axes |= {f"{table}.{name}": _listed(name, value) for name, value in grid.get(table, {}).items()}
    kept = 0
    for values in itertools.product(*axes.values()):
        chosen = _split(dict(zip(axes, values, strict=True)))
        if any(_matches(chosen, exclusion) for exclusion in grid.get("exclude", ())):
            continue
        kept += 1
        yield {**_entry(grid, chosen), "name": grid.get("name", "").strip() or _name(chosen, axes)}
    if not kept:
        raise ValueError("every run of the grid is excluded")


def _required(name: str, axes: Mapping[str, Any]) -> bool:
    if name not in axes:
        raise KeyError(f"the grid has no {name!r}")
    return True


def _listed(name: str, value: Any) -> Sequence[Any]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise ValueError(f"{name} is an empty list")
    return values


def _split(chosen: dict[str, Any]) -> dict[str, Any]:
    dataset, slash, semantics = str(chosen["dataset"]).partition("/")
    if slash and dataset and "/" not in semantics and "semantics" not in chosen:
        return {**chosen, "dataset": dataset, "semantics": semantics}
    return chosen


def _matches(chosen: Mapping[str, Any], exclusion: Mapping[str, Any]) -> bool:
    unknown = exclusion.keys() - {*PRODUCTS}
    if unknown:
        raise KeyError(f"exclude has the unknown key {min(unknown)!r}")
    return all(chosen.get(name) in _listed(name, value) for name, value in exclusion.items())


def _entry(grid: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    entry = {name: grid[name] for name in ("seeds", "eval_every", "select") if name in grid}
    for name, value in chosen.items():
        table, dot, key = name.partition(".")
        if dot:
            entry.setdefault(table, {})[key] = value
        else:
            entry[name] = value
    return entry


def _name(chosen: Mapping[str, Any], axes: Mapping[str, Sequence[Any]]) -> str:
    """Method and dataset, and whatever else has several values."""
    semantics = f"/{chosen['semantics']}" if "semantics" in chosen else ""
    others = [
        f"{name.partition('.')[2] or name}={chosen[name]}"
        for name, values in axes.items()
        if len(values) > 1 and name not in ("method", "dataset", "semantics")
    ]
    return ", ".join([f"{chosen['method']} on {chosen['dataset']}{semantics}", *others])
