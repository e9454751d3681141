"""Stored runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from gzslbench.api.arguments import check_arguments
from gzslbench.api.run import RunResult, summary_row
from gzslbench.api.tables import TableView, make_table
from gzslbench.errors import StoreError
from gzslbench.report.leaderboard.entry import Entry
from gzslbench.report.leaderboard.run_filter import make_filter
from gzslbench.report.tables import ResultTable
from gzslbench.runs.external import evaluate as evaluate_scores
from gzslbench.runs.record import PERCENTAGES
from gzslbench.runs.store import LATEST, RunFolder

evaluate = check_arguments(evaluate_scores)
MOST_SHOWN = 50
"""Runs that a table shows; a data frame has them all."""


@dataclass(frozen=True, repr=False)
class Results(TableView, Sequence[RunResult]):
    """Stored runs, the newest last.

    ``results["latest"]``, ``results["ce-gzsl-CUB"]`` (an id, or the beginning of one) and ``results[-1]`` are
    single runs.
    """

    entries: Sequence[Entry]

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, key: Any) -> Any:
        """Return one run, or with a slice several; a StoreError says which runs there are."""
        if isinstance(key, slice):
            return Results(self.entries[key])
        folder = self._find(key) if isinstance(key, str) else self.entries[key].folder
        return RunResult([folder.require_record()], [folder])

    def __iter__(self) -> Iterator[RunResult]:
        return (self[at] for at in range(len(self)))

    @property
    def latest(self) -> RunResult:
        """The run that was started last."""
        return cast(RunResult, self[LATEST])

    def rows(self) -> list[dict[str, Any]]:
        """Return a row per run: what was run, its metrics in percent, and its id."""
        return [
            {**summary_row(entry.summary), "not as in the preset": entry.changes_text or None}
            for entry in self.entries
        ]

    def tables(self) -> Sequence[ResultTable]:
        """Return the newest runs as a table."""
        columns = ("id", "rule", *PERCENTAGES, "minutes", "status", "not as in the preset")
        rows = [{name: row[name] for name in columns} for row in self.rows()[-MOST_SHOWN:]]
        more = len(self) - len(rows)
        notes = [f"{more} older runs are not shown; to_frame() has them"] if more else []
        title = f"{len(self)} stored run{'s' * (len(self) != 1)}"
        return [make_table(title, rows, notes, numbers=(*PERCENTAGES, "minutes"))]

    def _find(self, run: str) -> RunFolder:
        folders = {entry.summary.id: entry.folder for entry in self.entries}
        if run == LATEST and folders:
            return self.entries[-1].folder
        if run in folders:
            return folders[run]
        matches = [name for name in folders if run and name.startswith(run)]
        if len(matches) == 1:
            return folders[matches[0]]
        known = ", ".join((matches or list(folders))[:5]) or "none"
        what = f"{run!r} is the beginning of {len(matches)} ids" if matches else f"no run {run!r}"
        raise StoreError(what, fix=f"give an id, the beginning of one, or {LATEST!r}; for example {known}")


@check_arguments
def results(
    *folders: str | Path,
    datasets: str | Sequence[str] = (),
    methods: str | Sequence[str] = (),
    without: str | Sequence[str] = (),
) -> Results:
    """Return the stored runs in one or more folders, ``results`` by default, the newest last.

    Args:
        *folders: The folders of runs.
        datasets: Only runs on these datasets.
        methods: Only runs of these methods.
        without: Leave out runs whose id begins like this.

    Raises:
        StoreError: A folder cannot be read.
    """
    entries = make_filter(folders, datasets, methods, without).read()
    entries.sort(key=lambda entry: (entry.summary.run.started or "", entry.summary.id))
    return Results(entries)
