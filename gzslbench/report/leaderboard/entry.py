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
_IDENTITY = (
    "method", "method_version", "head", "head_version", "preprocessing", "precision", "params",
    "head_params", "task",
)  # fmt: skip
_ABSENT = object()


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
        return json.dumps({name: getattr(cell, name) for name in _IDENTITY}, sort_keys=True)


def entry_of(summary: Summary) -> Entry:
    """Return the entry of a run."""
    cell = summary.cell
    row = cell.method
    if cell.head not in (None, SOFTMAX):
        row += f", with {cell.head}"
    if cell.precision != "fp32":
        row += f", in {cell.precision}"
    dataset, semantics = summary.task.dataset, summary.task.semantics.partition(SHUFFLED)[0]
    changes: dict[str, Any] = {}
    for kind, name, prefix, params in (
        ("method", cell.method, "", cell.params),
        ("head", cell.head, HEAD, cell.head_params),
    ):
        known = _preset(kind, name, dataset, semantics)
        changes |= {prefix + key: value for key, value in params.items() if known.get(key, _ABSENT) != value}
    return Entry(summary, row, changes)


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


def find_sweeps(entries: Iterable[Entry], parameter: str) -> Iterator[Mapping[float, Sequence[Entry]]]:
    """Yield groups of runs that differ only in a numeric parameter of methods and in their seeds.

    Each group maps at least two values of the parameter, increasing, to its runs, one per seed.
    """
    groups: dict[str, dict[float, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        cell = entry.summary.cell
        value = cell.params.get(parameter)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            rest = {**json.loads(entry.identity), "protocol": cell.protocol}
            rest["params"] = {name: other for name, other in cell.params.items() if name != parameter}
            groups[json.dumps(rest, sort_keys=True)][value].append(entry)
    for by_value in groups.values():
        if len(by_value) > 1:
            yield {value: by_value[value] for value in sorted(by_value)}
