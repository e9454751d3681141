"""What a site is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from gzslbench.plugins.method import MethodSpec
from gzslbench.report.leaderboard.entry import Entry
from gzslbench.report.published import PublishedNumber
from gzslbench.runs.store import RunFolder


@dataclass(frozen=True)
class Content:
    """All that pages draw from.

    Attributes:
        entries: The runs.
        folders: By run id, where its files are.
        specs: The installed methods, by name.
        numbers: Published, of any method.
        stored: By run id, our H by ``last`` as it was stored.
        notes: What is left out, and why.
    """

    entries: Sequence[Entry]
    folders: Mapping[str, RunFolder]
    specs: Mapping[str, MethodSpec]
    numbers: Sequence[PublishedNumber]
    stored: Mapping[str, float]
    notes: Sequence[str] = ()

    @cached_property
    def methods(self) -> list[str]:
        """Names of the methods that have a page: the installed, and those of runs."""
        return sorted({*self.specs, *(method_of(entry) for entry in self.entries)})

    @property
    def pages(self) -> int:
        """How many there will be: the overview, the list of runs, and one of each method and run."""
        return 2 + len(self.methods) + len(self.entries)


def method_of(entry: Entry) -> str:
    """The name of a run's method."""
    return str(entry.summary.cell["method"])
