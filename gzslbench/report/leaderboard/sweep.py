"""Runs that differ in nothing but one parameter and their seeds."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gzslbench.report.leaderboard.entry import Entry


@dataclass(frozen=True)
class Sweep:
    """One parameter at several values, all else alike.

    Attributes:
        parameter: Its name among the method's parameters.
        row: The method, its head and so on.
        dataset: The dataset.
        task: The task's id.
        entries: By value, increasing, the runs, one a seed.
    """

    parameter: str
    row: str
    dataset: str
    task: str
    entries: Mapping[float, Sequence[Entry]]


def sweeps(entries: Iterable[Entry], parameter: str) -> Iterator[Sweep]:
    """Every group of ``entries`` that has two values or more of a numeric ``parameter``.

    Args:
        entries: Complete runs, of which no two have the same settings and seed.
        parameter: Of the methods; entries of those without it are passed over.
    """
    groups: dict[str, dict[float, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        value = entry.summary.cell["params"].get(parameter)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            groups[_all_else(entry, parameter)][value].append(entry)
    for by_value in groups.values():
        if len(by_value) > 1:
            one = next(iter(by_value.values()))[0]
            ordered = {value: by_value[value] for value in sorted(by_value)}
            yield Sweep(parameter, one.row, one.dataset, str(one.summary.task["id"]), ordered)


def _all_else(entry: Entry, parameter: str) -> str:
    """Equal for runs that are the same but for ``parameter`` and the seed."""
    same: dict[str, Any] = json.loads(entry.same)
    same["params"] = {name: value for name, value in same["params"].items() if name != parameter}
    return json.dumps({**same, "protocol": entry.summary.cell["protocol"]}, sort_keys=True)
