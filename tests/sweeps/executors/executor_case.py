"""An executor under test, and what the events of its jobs say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gzslbench.plugins.executor import Ended, Event, Executor, Job, Limits, Started


class ExecutorCase:
    """An executor, on this machine or at the address of a cluster."""

    def __init__(self, load: Callable[[Limits], Executor], address: str | None) -> None:
        self.load = load
        self.address = address

    def create(self, **limits: Any) -> Executor:
        """Create the executor, for two jobs at once unless ``limits`` say otherwise."""
        return self.load(Limits(**{"jobs": 2, "address": self.address, **limits}))

    def run(self, work: Sequence[Job], **limits: Any) -> dict[str, Ended]:
        """Run jobs; return how each ended, by its id."""
        return ends_of(self.create(**limits).run(work))


def ends_of(events: Iterable[Event]) -> dict[str, Ended]:
    """Return how each job ended, by its id; each one must have started before, and end once."""
    started, ends = set(), {}
    for event in events:
        if isinstance(event, Started):
            started.add(event.job)
            continue
        assert event.job in started
        assert event.job not in ends
        assert (event.result is None) != (event.failure is None)
        ends[event.job] = event
    return ends


def failure_kinds(ends: Mapping[str, Ended]) -> dict[str, str]:
    """Return the kind of each job's failure; empty text if the job has a result."""
    return {name: end.failure.kind if end.failure else "" for name, end in ends.items()}
