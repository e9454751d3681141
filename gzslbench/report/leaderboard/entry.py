"""A stored run, and the score of several: what leaderboards and lists of runs are built from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from gzslbench.data.variants import SHUFFLED
from gzslbench.errors import GzslBenchError
from gzslbench.plugins.head import SOFTMAX
from gzslbench.plugins.presets import preset_values
from gzslbench.plugins.registry import plugins
from gzslbench.report.leaderboard.significance import MIN_SEEDS, SIGNIFICANCE
from gzslbench.runs.record import Summary
from gzslbench.runs.store import Store, read_summaries

if TYPE_CHECKING:
    from gzslbench.runs.folder import RunFolder

HEAD = "head."
"""Prefix of the parameters of a head among the changes."""
CONFIDENCE = 0.95
INTERVAL = f"Student's 95 % interval of the mean over seeds, from {MIN_SEEDS} seeds on"
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

    @cached_property
    def identity(self) -> str:
        """Equal for runs of a dataset that differ in nothing but seed, device and evaluation calendar."""
        cell = self.summary.cell
        return json.dumps({name: getattr(cell, name) for name in _IDENTITY}, sort_keys=True)


def read_entries(roots: Iterable[Path]) -> tuple[list[Entry], dict[str, RunFolder]]:
    """Return the runs in results folders, and their folders by id; of runs with one id, the last counts."""
    found = {
        summary.id: (entry_of(summary), store.run(summary.id))
        for store in map(Store, roots)
        for summary in read_summaries(store)
    }
    return [entry for entry, _ in found.values()], {run: folder for run, (_, folder) in found.items()}


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


@dataclass(frozen=True)
class Estimate:
    """A mean over ``n`` seeds.

    ``std`` has n - 1 in the denominator; it is None with one seed. ``interval`` is Student's, cut to 0..100,
    which assumes that seeds are normally distributed; it is None below MIN_SEEDS seeds.
    """

    mean: float
    std: float | None
    interval: tuple[float, float] | None
    n: int


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of ``values`` in percent, one per seed and at least one, with spread and interval."""
    mean, n = fmean(values), len(values)
    std = stdev(values) if n > 1 else None
    if std is None or n < MIN_SEEDS:
        return Estimate(mean, std, None, n)
    from scipy.special import stdtrit  # much faster to import than scipy.stats

    half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * std / n**0.5
    return Estimate(mean, std, (max(0.0, mean - half), min(100.0, mean + half)), n)


@dataclass(frozen=True)
class Score:
    """One metric of one row on one dataset.

    Attributes:
        values: By seed, in percent, as ``entries``.
        rule: The selection rule of the values.
        metric: What they measure: U, S, H, T1 or AUSUC.
        best: Whether its mean is the highest of the column; of equal means the first. A single seed of a
            method that a seed changes counts only if the column has nothing else.
        second: Whether its mean is the second highest by this rule.
        probability: That a difference to the best as large as this one is chance, with Holm's correction
            over the column; None for the best, and if the test says nothing.
    """

    values: Mapping[int, float]
    estimate: Estimate
    entries: Sequence[Entry]
    rule: str
    metric: str
    best: bool = False
    second: bool = False
    probability: float | None = None

    @property
    def method(self) -> str:
        """Name of the runs' method."""
        return self.entries[0].method

    @property
    def is_chance_of_one_seed(self) -> bool:
        """Whether another seed could give another number, and there is no other seed.

        No seed changes a closed form, which solves for its weights: a scoring method with 0 epochs.
        """
        summary = self.entries[0].summary
        return self.estimate.n == 1 and not (
            summary.cell.head is None and summary.metrics[self.rule].epoch == 0
        )

    @property
    def tied(self) -> bool:
        """Whether the test finds no significant difference to the best."""
        return self.probability is not None and self.probability >= SIGNIFICANCE

    @property
    def costs(self) -> dict[str, Any]:
        """Mean time to train and evaluate, number of trained parameters, largest peak memory of the runs."""
        return {
            "seconds": fmean(entry.summary.run.seconds for entry in self.entries),
            "parameters": self.entries[0].summary.parameters,
            "peak_memory_bytes": max(int(entry.summary.run.peak_memory_bytes or 0) for entry in self.entries),
        }


def make_score(entries: Sequence[Entry], rule: str, metric: str) -> Score:
    """Return the score of one row's runs on one dataset, one run per seed."""
    values = {entry.seed: getattr(entry.summary.metrics[rule], metric) for entry in entries}
    return Score(values, estimate(list(values.values())), entries, rule, metric)
