"""Stored runs on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gzslbench.report.leaderboard.entry import Entry
from gzslbench.runs.record import PERCENTAGES
from gzslbench.runs.store import Store


def runs_lines(entries: Sequence[Entry]) -> Iterator[str]:
    """A line a run: its id, headline, what chose it, and what is not as its preset has it.

    Plain text, for there may be tens of thousands.
    """
    width = max((len(entry.summary.id) for entry in entries), default=0)
    numbers = "".join(f"{name:>7}" for name in PERCENTAGES)
    yield f"{'run':<{width}}{numbers}  {'by':<9}{'minutes':>8}  not as in the preset"
    for entry in entries:
        yield f"{entry.summary.id:<{width}}{_numbers(entry)}".rstrip()


def unfinished_notes(stores: Iterable[Store]) -> Iterator[str]:
    """Runs that are under way or interrupted."""
    for store in stores:
        for folder in store.unfinished():
            yield f"unfinished: {folder.id} (running, or to go on with --resume)"


def _numbers(entry: Entry) -> str:
    summary = entry.summary
    headline = summary.metrics.get(summary.selection)
    numbers = "".join("      –" if headline is None else f"{headline[name]:7.1f}" for name in PERCENTAGES)
    chosen = summary.selection if summary.status == "complete" else summary.status
    spent = (summary.run.get("seconds_train") or 0) + (summary.run.get("seconds_evaluate") or 0)
    changes = " ".join(f"{name}={value}" for name, value in entry.changes.items())
    return f"{numbers}  {chosen:<9}{spent / 60:8.1f}  {changes}"
