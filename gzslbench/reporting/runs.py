"""Stored runs on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.table import Table
from rich.text import Text

from gzslbench.leaderboard.entry import Entry
from gzslbench.results.record import PERCENTAGES
from gzslbench.results.store import Store


def runs_table(entries: Sequence[Entry]) -> Table:
    """A row a run: its id, headline, what chose it, and what is not as its preset has it."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("run", no_wrap=True)
    for name in PERCENTAGES:
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("by", "minutes"):
        table.add_column(name, no_wrap=True)
    table.add_column("not as in the preset", overflow="fold")
    for entry in entries:
        table.add_row(*_cells(entry))
    return table


def unfinished_notes(stores: Iterable[Store]) -> Iterator[str]:
    """Runs that are under way or interrupted."""
    for store in stores:
        for folder in store.unfinished():
            yield f"unfinished: {folder.id} (running, or to go on with --resume)"


def _cells(entry: Entry) -> Iterator[Text]:
    summary = entry.summary
    yield Text(summary.id)
    headline = summary.metrics.get(summary.selection)
    for name in PERCENTAGES:
        yield Text("–" if headline is None else f"{headline[name]:.1f}")
    yield Text(summary.selection if summary.status == "complete" else summary.status)
    spent = (summary.run.get("seconds_train") or 0) + (summary.run.get("seconds_evaluate") or 0)
    yield Text(f"{spent / 60:.1f}")
    yield Text(" ".join(f"{name}={value}" for name, value in entry.changes.items()))
