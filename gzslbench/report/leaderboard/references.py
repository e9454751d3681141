"""Numbers next to a table that are not ranked: published ones, and external results."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from gzslbench.report.leaderboard.entry import Entry


@dataclass(frozen=True)
class ReferenceRow:
    """A row of numbers that are not ranked.

    Attributes:
        title: The method's name and what the numbers are.
        values: In percent, by dataset, by metric.
        sources: What distinguishes them from the method as published, and where they were read.
        kind: ``reference``, or ``external`` for results that were computed here from others' predictions.
        runs: Of external results by dataset, the ids of their records.
    """

    method: str
    title: str
    values: dict[str, dict[str, float]]
    sources: list[str]
    kind: str = "reference"
    runs: Mapping[str, list[str]] = field(default_factory=dict)


def external_rows(entries: Iterable[Entry], metrics: Sequence[str]) -> list[ReferenceRow]:
    """Return a row for each external result, with means over its seeds; two of one seed are two rows."""
    groups: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        stated = entry.summary.cell.external
        assert stated is not None
        about = f"selection {stated.selection!r}, pretraining {stated.pretraining!r}"
        parts = (f"external, as its author states: {about}", stated.paper, stated.url)
        groups[entry.method, entry.row, "; ".join(filter(None, parts))].append(entry)
    rows: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
    for (method, title, about), found in groups.items():
        counts = Counter((entry.dataset, entry.seed) for entry in found)
        for entry in found:
            suffix = f", {entry.identity[-10:]}" if max(counts.values()) > 1 else ""
            rows[method, title + suffix, about].append(entry)
    references = []
    for (method, title, about), found in sorted(rows.items()):
        values, ids = _means(found, metrics), [(entry.dataset, entry.summary.id) for entry in found]
        runs = {dataset: [run for where, run in ids if where == dataset] for dataset in values}
        references.append(ReferenceRow(method, title, values, [about], "external", runs))
    return references


def _means(entries: Sequence[Entry], metrics: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return by dataset the mean of each metric that all entries have."""
    values: dict[str, dict[str, float]] = {}
    for dataset in sorted({entry.dataset for entry in entries}):
        found = [entry.summary.headline for entry in entries if entry.dataset == dataset]
        of_seeds = {name: [getattr(one, name) for one in found] for name in metrics}
        values[dataset] = {name: fmean(these) for name, these in of_seeds.items() if None not in these}
    return values
