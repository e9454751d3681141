"""A run as a row of a table sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from gzslbench.data.shuffled import SHUFFLED
from gzslbench.errors import GzslBenchError
from gzslbench.plugins.head import SOFTMAX
from gzslbench.plugins.params import build
from gzslbench.plugins.presets import preset
from gzslbench.plugins.registry import plugins
from gzslbench.runs.summary import Summary

HEAD = "head."
"""Before the name of a parameter that is the head's."""
_SAME_IN_A_ROW = ("method", "method_version", "head", "head_version", "preprocessing", "precision")


@dataclass(frozen=True)
class Entry:
    """One run.

    Attributes:
        summary: Of its record.
        row: What tells its row from others, apart from ``changes``: the method, its head and so on.
        changes: By name, the parameters that are not the preset's of its dataset; ``head.`` before those of
            the head. A method that is not installed has no preset, and all its parameters are changes.
    """

    summary: Summary
    row: str
    changes: Mapping[str, Any]

    @property
    def seed(self) -> int:
        """Root of its random streams."""
        seed: int = self.summary.cell["seed"]
        return seed

    @property
    def dataset(self) -> str:
        """The dataset's name."""
        return str(self.summary.task["dataset"])

    @property
    def variant(self) -> str:
        """The method's variant, where it is not the preset's; else nothing."""
        return str(self.changes.get("variant", ""))

    @cached_property
    def same(self) -> str:
        """Equal for runs of one dataset that differ in nothing but seed, device and when they looked."""
        cell = self.summary.cell
        deciding = {name: cell.get(name) for name in (*_SAME_IN_A_ROW, "params", "head_params", "task")}
        return json.dumps(deciding, sort_keys=True)


def entry_of(summary: Summary) -> Entry:
    """A summary with its row and its changes."""
    cell = summary.cell
    parts = [str(cell["method"])]
    if cell.get("head") not in (None, SOFTMAX):
        parts.append(f"with {cell['head']}")
    if cell.get("precision", "fp32") != "fp32":
        parts.append(f"in {cell['precision']}")
    dataset, semantics = summary.task["dataset"], str(summary.task["semantics"]).partition(SHUFFLED)[0]
    known = _preset("method", cell["method"], dataset, semantics)
    own = {name: value for name, value in cell["params"].items() if known.get(name, _ABSENT) != value}
    head = _preset("head", cell.get("head"), dataset, semantics)
    of_head = {
        HEAD + name: value
        for name, value in (cell.get("head_params") or {}).items()
        if head.get(name, _ABSENT) != value
    }
    return Entry(summary, ", ".join(parts), {**own, **of_head})


_ABSENT = object()


@cache
def _preset(kind: str, name: str | None, dataset: str, semantics: str) -> Mapping[str, Any]:
    """All parameters as the preset has them; none where the plugin is not installed or cannot be loaded."""
    if name in (None, SOFTMAX):
        return {}
    try:
        spec = plugins().method(str(name)) if kind == "method" else plugins().head(str(name))
        return build(spec.params, preset(spec, dataset, semantics).values, "preset").as_dict()
    except GzslBenchError:
        return {}
