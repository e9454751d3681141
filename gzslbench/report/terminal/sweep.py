"""A sweep on the terminal: its plan, its progress, its failures, and its status from another terminal."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from gzslbench.report.terminal.printing import key_values
from gzslbench.report.terminal.progress import print_line
from gzslbench.sweep.planning import PlannedCell, State
from gzslbench.sweep.runner import CellResult, SweepView
from gzslbench.sweep.sweep_log import SweepStatus

MAX_ENDED = 5
"""Ended cells that the live view shows."""
STATES: tuple[State, ...] = ("done", "diverged", "interrupted", "new", "unread", "impossible")


def plan_lines(planned: Sequence[PlannedCell]) -> Iterator[str]:
    """Return a line per cell: its name, its state and why; there may be thousands."""
    names = [
        cell.cell.id if cell.cell is not None else f"{cell.name}, seed {cell.request.seeds[0]}"
        for cell in planned
    ]
    width = max(map(len, names), default=0)
    for name, cell in zip(names, planned, strict=True):
        yield f"{name:{width}}  {cell.state:11}  {cell.name}: {cell.why.splitlines()[0]}"


def counts_line(planned: Sequence[PlannedCell]) -> str:
    """Return how many cells are in which state."""
    counts = Counter(cell.state for cell in planned)
    return ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state]) or "no cells"


def failure_lines(results: Sequence[CellResult], planned: Sequence[PlannedCell]) -> list[Text]:
    """Return a line or more for each cell that failed or diverged."""
    lines = [
        Text(f"impossible  {cell.name}, seed {cell.request.seeds[0]}: {cell.why}")
        for cell in planned
        if cell.state == "impossible"
    ]
    for result in results:
        name = _name(result.planned)
        if result.failure is not None and result.failure.kind != "stopped":
            lines.append(Text(f"{result.failure.kind}  {name}: {result.failure.what}", style="red"))
            if result.failure.traceback:
                lines.append(Text(result.failure.traceback.rstrip(), style="dim"))
        elif result.headline.get("status") == "diverged":
            lines.append(Text(f"diverged  {name}: {result.headline.get('failure')}", style="yellow"))
    return lines


def status_view(standing: SweepStatus) -> RenderableType:
    """Return the status of a sweep that runs in another terminal, or ran."""
    if not standing.began:
        return Text("no sweep of this suite has begun in this results folder")
    left = _left(standing.to_run - standing.ended, standing.ended, _age(standing.began))
    again = standing.running if standing.alive else {}
    failed = {cell: why for cell, why in standing.failed.items() if cell not in again}
    facts = {
        "sweep": f"{'running' if standing.alive else 'not running'}, {standing.who}",
        "began": standing.began,
        "last event": standing.last,
        "cells": f"{standing.total}, of which {standing.to_run} were to run",
        "done since": len(standing.done),
        "impossible": standing.counts.get("impossible"),
        "failed": len(failed),
        "running": len(standing.running) if standing.alive else 0,
        "time left": left if standing.alive else None,
    }
    parts: list[RenderableType] = [
        key_values({name: value for name, value in facts.items() if value is not None})
    ]
    if standing.alive:
        parts += [Text(f"running  {cell}, {told['where']}") for cell, told in standing.running.items()]
    parts += _best(standing)
    parts += [Text(f"failed  {cell}: {why}", style="red") for cell, why in failed.items()]
    return Group(*parts)


@contextmanager
def sweep_view(planned: Sequence[PlannedCell], total: int) -> Iterator[SweepView]:
    """Yield a view on standard error: live on a terminal, plain lines elsewhere."""
    best = SweepStatus()
    for cell in planned:
        if cell.summary is not None:
            headline = cell.summary.headline
            best.add_result(cell.summary.task.id, None if headline is None else headline.H, cell.summary.id)
    if not sys.stderr.isatty():
        yield SweepLines(total, best)
        return
    view = SweepScreen(total, best)
    with Live(get_renderable=view.render, console=Console(stderr=True), refresh_per_second=4):
        yield view


class SweepLines:
    """A line for each cell that begins or ends."""

    def __init__(self, total: int, best: SweepStatus) -> None:
        self.total, self.best = total, best
        self.ended_cells = 0
        self.began = time.monotonic()

    def started(self, planned: PlannedCell, where: str, attempt: int) -> None:
        """As ``SweepView.started``."""
        again = f", attempt {attempt}" if attempt > 1 else ""
        print_line(f"started {_name(planned)} ({planned.name}; {where}{again})")

    def ended(self, result: CellResult) -> None:
        """As ``SweepView.ended``."""
        if result.failure is not None and result.failure.kind == "stopped":
            print_line(_outcome(result))
            return
        self.ended_cells += 1
        self.best.add_result(result.headline.get("task", ""), result.headline.get("H"), _name(result.planned))
        left = _left(self.total - self.ended_cells, self.ended_cells, time.monotonic() - self.began)
        print_line(f"{_outcome(result)}  [{self.ended_cells}/{self.total}{', ' + left if left else ''}]")

    def stopping(self) -> None:
        """As ``SweepView.stopping``."""
        line = "stopping: running cells are saved first; Ctrl-C again stops at once\n"
        os.write(2, line.encode())  # the signal may have interrupted a print()


class SweepScreen:
    """A live view: a bar, the running cells, the last that ended, and the best of each task."""

    def __init__(self, total: int, best: SweepStatus) -> None:
        self.best = best
        self.running: dict[str, tuple[float, str]] = {}
        self.last: deque[Text] = deque(maxlen=MAX_ENDED)
        self.counts: Counter[str] = Counter()
        self.note = ""
        self.began = time.monotonic()
        self.total = total
        self.bar = Progress(
            BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
        )
        self.task = self.bar.add_task("", total=total)

    def started(self, planned: PlannedCell, where: str, attempt: int) -> None:
        """As ``SweepView.started``."""
        self.running[_name(planned)] = time.monotonic(), planned.name

    def ended(self, result: CellResult) -> None:
        """As ``SweepView.ended``."""
        name = _name(result.planned)
        self.running.pop(name, None)
        self.counts["failed" if result.failure is not None else "done"] += 1
        self.best.add_result(result.headline.get("task", ""), result.headline.get("H"), name)
        self.last.append(Text(_outcome(result), style="" if result.failure is None else "red"))
        ended = sum(self.counts.values())
        elapsed = time.monotonic() - self.began
        rate = f"{60 * ended / elapsed:.1f} a minute" if elapsed > 1 else ""
        left = _left(self.total - ended, ended, elapsed)
        parts = [f"{count} {what}" for what, count in self.counts.items()] + [rate, left]
        self.bar.update(self.task, advance=1, description=", ".join(filter(None, parts)))

    def stopping(self) -> None:
        """As ``SweepView.stopping``."""
        self.note = "stopping: running cells are saved first; Ctrl-C again stops at once"

    def render(self) -> RenderableType:
        """Return the view as it is now."""
        now = time.monotonic()
        parts: list[RenderableType] = [self.bar]
        parts += [
            Text(f"  runs {now - since:5.0f} s  {cell}  {name}")
            for cell, (since, name) in self.running.items()
        ]
        parts += [*self.last, *_best(self.best)]
        return Group(*parts, *([Text(self.note, style="yellow")] if self.note else []))


def _best(standing: SweepStatus) -> list[Text]:
    return [Text(f"best on {task}: {best:.1f}  {cell}") for task, (best, cell) in standing.best.items()]


def _name(planned: PlannedCell) -> str:
    return planned.cell.id if planned.cell is not None else planned.name


def _outcome(result: CellResult) -> str:
    name = _name(result.planned)
    if result.failure is not None and result.failure.kind == "stopped":
        return f"stopped {name}: the next sweep continues it"
    if result.failure is not None:
        return f"{result.failure.kind:7} {name}: {result.failure.what.splitlines()[0]}"
    number = result.headline.get("H")
    told = f"H {number:.1f}" if number is not None else str(result.headline.get("status"))
    return f"{'done':7} {name}: {told} in {result.seconds:.1f} s"


def _left(remaining: int, done: int, elapsed: float) -> str:
    if remaining <= 0 or done <= 0:
        return ""
    seconds = remaining * elapsed / done
    return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"about {seconds:.0f} s left"


def _age(began: str) -> float:
    if not began:
        return 0.0
    return (datetime.now(timezone.utc) - datetime.fromisoformat(began)).total_seconds()
