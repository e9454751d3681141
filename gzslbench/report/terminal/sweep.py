"""A sweep on the terminal: its plan, its results, its failures, and its status from another terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from statistics import fmean

from rich.console import Group, RenderableType
from rich.text import Text

from gzslbench.report.printing import MISSING, format_value, key_values, make_table
from gzslbench.runs.record import Summary
from gzslbench.sweeps.planning import STATES, PlannedCell
from gzslbench.sweeps.runner import CellResult, time_left
from gzslbench.sweeps.sweep_log import SweepStatus

METRICS = ("T1", "U", "S", "H")


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
        "time left": time_left(status.to_run, status.ended, seconds) if status.alive else "",
    }
    return Group(
        key_values(facts),
        *(Text(f"running  {cell}, {where}") for cell, where in running.items()),
        *(Text(f"failed  {cell}: {why}", style="red") for cell, why in failed.items()),
    )
