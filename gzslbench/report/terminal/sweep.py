"""A sweep on the terminal: its plan, its progress, its failures, and its status from another terminal."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from statistics import fmean

from rich.console import Group, RenderableType
from rich.text import Text

from gzslbench.report.printing import MISSING, format_value, key_values, make_table, print_line
from gzslbench.runs.record import Summary
from gzslbench.sweeps.planning import PlannedCell, State
from gzslbench.sweeps.runner import CellResult, SweepView
from gzslbench.sweeps.sweep_log import SweepStatus

METRICS = ("T1", "U", "S", "H")
STATES: tuple[State, ...] = ("done", "diverged", "interrupted", "new", "unread", "impossible")


def plan_lines(planned: Sequence[PlannedCell]) -> Iterator[str]:
    """Return the cells in groups of one state and reason, a line per cell; there may be thousands."""
    groups: dict[tuple[int, str], list[PlannedCell]] = {}
    for cell in planned:
        groups.setdefault((STATES.index(cell.state), cell.why), []).append(cell)
    for (state, why), cells in sorted(groups.items()):
        what, *more = why.splitlines()
        yield f"{STATES[state]} ({len(cells)}): {what}"
        yield from more
        for cell in cells:
            name = f"  {cell.name}" if cell.cell else ""
            yield f"  {cell.id}{name}"


def results_table(cells: Iterable[tuple[str, Summary]]) -> RenderableType:
    """Return the means over the seeds of the runs of one name; ``cells`` are names and summaries."""
    groups: dict[str, list[Summary]] = {}
    for name, summary in cells:
        groups.setdefault(name, []).append(summary)
    rows = []
    for name, summaries in groups.items():
        found = [summary.headline for summary in summaries if summary.headline is not None]
        numbers = [f"{fmean(getattr(one, metric) for one in found):.1f}" for metric in METRICS if found]
        rules = ", ".join(dict.fromkeys(summary.reported for summary in summaries))
        rows.append((name, str(len(found)), *(numbers or [MISSING] * len(METRICS)), rules))
    return make_table(["runs", "seeds", *METRICS, "by"], rows, ["seeds", *METRICS])


def counts_line(planned: Sequence[PlannedCell]) -> str:
    """Return how many cells are in which state."""
    counts = Counter(cell.state for cell in planned)
    return ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state]) or "no cells"


def failure_lines(results: Sequence[CellResult], planned: Sequence[PlannedCell]) -> list[Text]:
    """Return a line or more for each cell that failed or diverged."""
    impossible = (cell for cell in planned if cell.state == "impossible")
    lines = [Text(f"impossible  {cell.id}: {cell.why}") for cell in impossible]
    for result in results:
        name, failure = result.planned.id, result.failure
        if failure is not None and failure.kind != "stopped":
            lines.append(Text(f"{failure.kind}  {name}: {failure.what}", style="red"))
            if failure.traceback:
                lines.append(Text(failure.traceback.rstrip(), style="dim"))
        elif result.record is not None and result.record.failure is not None:
            lines.append(Text(f"diverged  {name}: {format_value(result.record.failure)}", style="yellow"))
    return lines


def status_view(status: SweepStatus) -> RenderableType:
    """Return the status of a sweep that runs in another terminal, or ran."""
    if not status.began:
        return Text("no sweep of this suite was started in this results folder")
    running = status.running if status.alive else {}
    failed = {cell: why for cell, why in status.failed.items() if cell not in running}
    seconds = (datetime.now(timezone.utc) - datetime.fromisoformat(status.began)).total_seconds()
    facts = {
        "sweep": f"{'running' if status.alive else 'not running'}, {status.who}",
        "began": status.began,
        "last event": status.last,
        "cells": f"{status.total}, of which {status.to_run} were to run",
        "done since": status.done,
        "impossible": status.counts.get("impossible", 0),
        "failed": len(failed),
        "running": len(running),
        "time left": _time_left(status.to_run, status.ended, seconds) if status.alive else "",
    }
    return Group(
        key_values(facts),
        *(Text(f"running  {cell}, {where}") for cell, where in running.items()),
        *(Text(f"failed  {cell}: {why}", style="red") for cell, why in failed.items()),
    )


class SweepLines(SweepView):
    """Prints a line to standard error for each cell that starts or ends."""

    def __init__(self) -> None:
        self.total, self.count, self.began = 0, 0, 0.0

    def read(self, name: str) -> None:
        """Print the name of the dataset."""
        print_line(f"read {name}")

    def begin(self, planned: Sequence[PlannedCell], to_run: Sequence[PlannedCell]) -> None:
        """Print the number of cells in each state."""
        print_line(counts_line(planned))
        self.total, self.began = len(to_run), time.monotonic()

    def started(self, planned: PlannedCell, where: str, attempt: int) -> None:
        """Print the cell, and where it runs."""
        again = f", attempt {attempt}" if attempt > 1 else ""
        print_line(f"started {planned.id} ({planned.name}; {where}{again})")

    def ended(self, result: CellResult) -> None:
        """Print the outcome, and the progress of the sweep."""
        name, failure = result.planned.id, result.failure
        if failure is not None and failure.kind == "stopped":
            print_line(f"stopped {name}: the next sweep continues it")
            return
        self.count += 1
        left = _time_left(self.total, self.count, time.monotonic() - self.began)
        progress = f"[{self.count}/{self.total}{left and f', {left}'}]"
        if failure is not None:
            print_line(f"{failure.kind:7} {name}: {failure.what.splitlines()[0]}  {progress}")
            return
        record = result.record
        numbers = None if record is None else record.headline
        outcome = f"H {numbers.H:.1f}, {record.reported}" if record and numbers else "diverged"
        print_line(f"done    {name}: {outcome} in {result.seconds:.1f} s  {progress}")

    def stopping(self) -> None:
        """Say that running cells are saved."""
        line = "stopping: running cells are saved first; Ctrl-C again stops at once\n"
        os.write(2, line.encode())  # the signal may have interrupted a print()


def _time_left(total: int, ended: int, elapsed: float) -> str:
    if not 0 < ended < total:
        return ""
    seconds = (total - ended) * elapsed / ended
    return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"about {seconds:.0f} s left"
