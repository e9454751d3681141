"""Load the stored runs and published numbers that several commands need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gzslbench.cli.options import results_folders

if TYPE_CHECKING:
    from gzslbench.report.leaderboard.entry import Entry
    from gzslbench.report.published import PublishedNumber
    from gzslbench.runs.store import RunFolder


def stored_entries(results: tuple[Path, ...], datasets: Sequence[str], methods: Sequence[str]) -> list[Entry]:
    """Return the runs in the folders; a run that is in several folders counts once."""
    return stored_runs(results, datasets, methods)[0]


def stored_runs(
    results: tuple[Path, ...], datasets: Sequence[str], methods: Sequence[str]
) -> tuple[list[Entry], dict[str, RunFolder]]:
    """Return the runs in the folders, and their folders by id; of several with one id, the last good one."""
    from gzslbench.report.leaderboard.entry import entry_of
    from gzslbench.runs.store import Store, read_summaries

    found = {
        summary.id: (summary, store)
        for store in map(Store, results_folders(results))
        for summary in read_summaries(store)
    }
    entries = [
        entry
        for entry in (entry_of(summary) for summary, _ in found.values())
        if (not datasets or entry.dataset in datasets) and (not methods or entry.method in methods)
    ]
    return entries, {run: store.run(run) for run, (_, store) in found.items()}


def every_published_number() -> list[PublishedNumber]:
    """Return the published numbers of all plugins."""
    from gzslbench.plugins.registry import plugins
    from gzslbench.report.published import published_numbers

    return [number for folder in plugins().published() for number in published_numbers(folder)]
