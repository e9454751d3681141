"""Grids of a suite: lists as products, less what is excluded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gzslbench.sweep.suites.shape import check_kinds, check_known, tables_of

PRODUCTS = ("method", "dataset", "features", "semantics", "head", "preprocessing", "precision", "epochs")
GRID_KEYS = {*PRODUCTS, "seeds", "name", "set", "head_set", "exclude", "eval_every", "select"}


def entries_of(grid: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every run of a grid, as an entry of ``[[runs]]``; its name tells what it varies.

    ``dataset = "CUB/sent"`` is short for a dataset and its semantics. Values of ``set`` and ``head_set`` may
    be lists too. What matches every key of an entry of ``exclude`` is left out.

    Raises:
        KeyError: A key is unknown, or the grid has no method, dataset or seeds.
        ValueError: A list is empty, an exclusion matches nothing or everything is excluded, or several runs
            would have one name.
    """
    check_known(grid, GRID_KEYS, "the grid")
    check_kinds(grid, PRODUCTS)
    axes = {name: _listed(name, grid[name]) for name in PRODUCTS if name in grid}
    axes = {name: axes[name] for name in ("method", "dataset") if _required(name, axes)} | axes
    for table in ("set", "head_set"):
        axes |= {f"{table}.{name}": _listed(name, value) for name, value in grid.get(table, {}).items()}
    every = [_split(dict(zip(axes, values, strict=True))) for values in itertools.product(*axes.values())]
    kept = _left_over(every, tables_of(grid, "exclude"))
    name = grid.get("name", "").strip()
    if name and len(kept) > 1:
        raise ValueError(f"{len(kept)} runs of the grid would all be called {name!r}: leave the name out")
    for chosen in kept:
        yield {**_entry(grid, chosen), "name": name or _name(chosen, axes)}


def _left_over(
    every: Sequence[Mapping[str, Any]], exclusions: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    for exclusion in exclusions:
        check_known(exclusion, PRODUCTS, "exclude")
        if not any(_matches(chosen, exclusion) for chosen in every):
            raise ValueError(f"exclude has {dict(exclusion)}, which no run of the grid matches")
    kept = [chosen for chosen in every if not any(_matches(chosen, exclusion) for exclusion in exclusions)]
    if not kept:
        raise ValueError("every run of the grid is excluded")
    return kept


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
    return all(
        any(_is(chosen, name, value) for value in _listed(name, values)) for name, values in exclusion.items()
    )


def _is(chosen: Mapping[str, Any], name: str, value: Any) -> bool:
    if name == "dataset" and "semantics" in chosen and value == f"{chosen[name]}/{chosen['semantics']}":
        return True
    return bool(chosen.get(name) == value)


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
