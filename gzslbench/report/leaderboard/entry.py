"""A stored run as leaderboards and lists of runs use it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from gzslbench.data.variants import SHUFFLED
from gzslbench.errors import GzslBenchError
from gzslbench.plugins.head import SOFTMAX
from gzslbench.plugins.presets import preset_values
from gzslbench.plugins.registry import plugins
from gzslbench.runs.record import Summary

HEAD = "head."
"""Prefix of the parameters of a head among the changes."""
_IDENTITY = ("method", "method_version", "head", "head_version", "preprocessing", "precision")


@dataclass(frozen=True)
class Entry:
    """One run.

    Attributes:
        summary: Summary of its record.
        row: Label of its row apart from ``changes``: the method, its head, its precision.
        changes: By name, the parameters that differ from the preset of its dataset; those of the head begin
            with ``head.``. A method that is not installed has no preset, so all its parameters are changes.
    """

    summary: Summary
    row: str
    changes: Mapping[str, Any]

    @property
    def method(self) -> str:
        """The method's name."""
        return self.summary.cell.method

    @property
    def seed(self) -> int:
        """Seed of its random streams."""
        return self.summary.cell.seed

    @property
    def dataset(self) -> str:
        """The dataset's name."""
        return self.summary.task.dataset

    @property
    def seconds(self) -> float:
        """Time to train and evaluate."""
        return self.summary.run.seconds

    @cached_property
    def identity(self) -> str:
        """Equal for runs of a dataset that differ in nothing but seed, device and evaluation calendar."""
        cell = self.summary.cell
        deciding = {name: getattr(cell, name) for name in (*_IDENTITY, "params", "head_params", "task")}
        return json.dumps(deciding, sort_keys=True)


def entry_of(summary: Summary) -> Entry:
    """Return the entry of a run."""
    cell = summary.cell
    parts = [cell.method]
    if cell.head not in (None, SOFTMAX):
        parts.append(f"with {cell.head}")
    if cell.precision != "fp32":
        parts.append(f"in {cell.precision}")
    dataset, semantics = summary.task.dataset, summary.task.semantics.partition(SHUFFLED)[0]
    known = _preset("method", cell.method, dataset, semantics)
    own = {name: value for name, value in cell.params.items() if known.get(name, _ABSENT) != value}
    head = _preset("head", cell.head, dataset, semantics)
    of_head = {
        HEAD + name: value for name, value in cell.head_params.items() if head.get(name, _ABSENT) != value
    }
    return Entry(summary, ", ".join(parts), {**own, **of_head})


_ABSENT = object()


@cache
def _preset(kind: str, name: str | None, dataset: str, semantics: str) -> Mapping[str, Any]:
    """Return all parameters of the preset; none where the plugin is not installed or cannot be loaded."""
    if name in (None, SOFTMAX):
        return {}
    try:
        spec = plugins().method(str(name)) if kind == "method" else plugins().head(str(name))
        return preset_values(spec, dataset, semantics)
    except GzslBenchError:
        return {}


@dataclass(frozen=True)
class ParameterSweep:
    """Runs that differ in nothing but one parameter and their seeds.

    Attributes:
        parameter: Its name among the method's parameters.
        row: Label of the row: the method, its head, its precision.
        dataset: The dataset.
        task: The task's id.
        entries: By value, increasing, the runs, one per seed.
    """

    parameter: str
    row: str
    dataset: str
    task: str
    entries: Mapping[float, Sequence[Entry]]


def find_sweeps(entries: Iterable[Entry], parameter: str) -> Iterator[ParameterSweep]:
    """Yield every group of ``entries`` that has at least two values of a numeric ``parameter``.

    Args:
        entries: Complete runs, of which no two have the same settings and seed.
        parameter: A parameter of methods; runs of methods without it are skipped.
    """
    groups: dict[str, dict[float, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        value = entry.summary.cell.params.get(parameter)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            rest: dict[str, Any] = json.loads(entry.identity)
            rest["params"] = {name: other for name, other in rest["params"].items() if name != parameter}
            key = json.dumps({**rest, "protocol": entry.summary.cell.protocol}, sort_keys=True)
            groups[key][value].append(entry)
    for by_value in groups.values():
        if len(by_value) > 1:
            first = next(iter(by_value.values()))[0]
            ordered = {value: by_value[value] for value in sorted(by_value)}
            yield ParameterSweep(parameter, first.row, first.dataset, first.summary.task.id, ordered)
