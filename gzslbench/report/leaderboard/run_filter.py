"""Choosing among stored runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gzslbench.errors import StoreError
from gzslbench.report.leaderboard.entry import Entry, read_entries
from gzslbench.runs.store import require_folders


@dataclass(frozen=True)
class RunFilter:
    """The stored runs that a command or a function is about."""

    results: tuple[Path, ...]
    datasets: Sequence[str] = ()
    methods: Sequence[str] = ()
    without: Sequence[str] = ()

    def read(self) -> list[Entry]:
        """Return the runs; of several with one id, the last good one counts."""
        return [
            entry
            for entry in read_entries(self.results)
            if (not self.datasets or entry.dataset in self.datasets)
            and (not self.methods or entry.method in self.methods)
            and not entry.summary.id.startswith(tuple(self.without))
        ]

    def no_runs(self, what: str) -> StoreError:
        """Return the error that there are no such runs."""
        fix = "run some first, or name the folders that hold runs: --results FOLDER"
        chosen = {"--dataset": self.datasets, "--method": self.methods, "--without": self.without}
        filters = [f"{option} {name}" for option, names in chosen.items() for name in names]
        if filters:
            fix += f"; or leave out {', '.join(filters)}, which may hide the others"
        return StoreError(what, where=", ".join(map(str, self.results)), fix=fix)


def make_filter(
    folders: Sequence[str | Path],
    datasets: str | Sequence[str],
    methods: str | Sequence[str],
    without: str | Sequence[str],
) -> RunFilter:
    """Return the filter; each folder must exist, and one name stands for itself."""
    paths = tuple(map(Path, folders)) or (Path("results"),)
    require_folders(paths)
    lists = ((names,) if isinstance(names, str) else tuple(names) for names in (datasets, methods, without))
    return RunFilter(paths, *lists)
