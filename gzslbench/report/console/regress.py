"""What moved, and what did not, since metrics were stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gzslbench.report.console.sheets.sheet import Cell, Sheet
from gzslbench.sweep.suites.stored import Change

HEADER = ("runs", "metric", "stored", "now", "tolerance", "difference")


def sheet_of(suite: str, changes: Sequence[Change]) -> Sheet:
    """A row a mean that moved; notes tell of the rest."""
    rows = [
        [
            Cell(change.name),
            Cell(metric),
            Cell(f"{old:.2f}"),
            Cell(f"{new:.2f}"),
            Cell(f"{tolerance:.2f}"),
            Cell(f"{new - old:+.2f}", best=True),
        ]
        for change in changes
        for metric, (old, new, tolerance) in change.moved.items()
    ]
    title = f"suite {suite}: what moved (%)" if rows else f"suite {suite}: nothing moved"
    return Sheet(title, HEADER, rows, list(_notes(changes)), words=(0, 1))


def numbers_sheet(groups: Mapping[str, Any]) -> Sheet:
    """A row a group of runs: means and standard deviations over its finished seeds."""
    metrics = next((list(group["summary"]) for group in groups.values() if group["summary"]), [])
    rows, notes = [], []
    for name, group in groups.items():
        finished = sum("metrics" in run for run in group["runs"])
        cells = [_mean(group["summary"].get(metric)) for metric in metrics]
        rows.append([Cell(name), *cells, Cell(f"{finished} of {len(group['runs'])}")])
        notes += [
            f"{name}: seed {run['seed']} diverged: {run['failure']}"
            for run in group["runs"]
            if "failure" in run
        ]
    return Sheet("measured (%)", ["runs", *metrics, "seeds"], rows, notes)


def _mean(summary: Mapping[str, float | None] | None) -> Cell:
    if summary is None:
        return Cell("–")
    spread = "" if summary["std"] is None else f" ± {summary['std']:.1f}"
    return Cell(f"{summary['mean']:.1f}{spread}")


def _notes(changes: Sequence[Change]) -> Iterator[str]:
    same = [change for change in changes if not change.moved and not change.note]
    if same:
        yield f"as stored, within their tolerances: {', '.join(change.name for change in same)}"
    for change in changes:
        if change.note:
            yield f"{change.name}: {change.note}"
