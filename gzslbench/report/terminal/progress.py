"""Progress on standard error: live bars on a terminal, plain lines now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gzslbench.runs.cell import Cell
from gzslbench.runs.progress import Progress as RunProgress
from gzslbench.runs.progress import format_epoch

SECONDS_BETWEEN_LINES = 5.0


def print_line(line: str) -> None:
    """Print a line to standard error at once."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def watch_run(cell: Cell, *, plain: bool = False) -> Iterator[RunProgress]:
    """Yield what shows the progress of a run; ``plain`` asks for lines even on a terminal."""
    if plain or not sys.stderr.isatty():
        yield RunLines()
        return
    columns = (
        TextColumn("[bold]{task.fields[what]}"),
        BarColumn(bar_width=12),
        TextColumn("{task.percentage:.0f}%"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[scores]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield RunBar(bar, f"{cell.method} on {cell.dataset}, seed {cell.seed}")


class RunBar:
    """A live bar for each training of a run."""

    def __init__(self, bar: Progress, title: str) -> None:
        self.bar = bar
        self.title = title

    def start(self, leg: str, iterations: int, done: int) -> None:
        """Add a bar for the training."""
        what = self.title if leg == "final" else f"{self.title} ({leg})"
        self.task = self.bar.add_task("", total=iterations, completed=done, what=what, scores="")

    def iteration(self) -> None:
        """Advance it."""
        self.bar.advance(self.task)

    def epoch(self, line: Mapping[str, Any]) -> None:
        """Show the latest scores."""
        metrics = line.get("metrics")
        if metrics:
            scores = " ".join(f"{name} {metrics[name]:.1f}" for name in ("U", "S", "H"))
            self.bar.update(self.task, scores=f"{scores} @{line['epoch']}")


class RunLines:
    """A line for every evaluated epoch, and now and then one for another epoch."""

    def __init__(self) -> None:
        self.last = 0.0

    def start(self, leg: str, iterations: int, done: int) -> None:
        """Print what begins."""
        print_line(f"{leg}: {iterations - done} iterations to go")

    def iteration(self) -> None:
        """Print nothing."""

    def epoch(self, line: Mapping[str, Any]) -> None:
        """Print the epoch, if it was evaluated or some seconds have passed."""
        now = time.monotonic()
        if "metrics" in line or now - self.last >= SECONDS_BETWEEN_LINES:
            self.last = now
            print_line(format_epoch(line))


@contextmanager
def watch_pages(total: int) -> Iterator[Callable[[str], None]]:
    """Yield what to call for each page written; it advances a bar, or does nothing off a terminal."""
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("pages", total=total)
        yield lambda page: bar.advance(task)


@contextmanager
def watch_images(total: int) -> Iterator[Callable[[int], None]]:
    """Yield what to call with each number of images done; it shows their rate and the time left.

    The time before the first call, which loads the model, does not count.
    """
    if sys.stderr.isatty():
        columns = (BarColumn(), TextColumn("{task.completed}/{task.total}"), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("", total=total)
            yield lambda count: bar.advance(task, count)
        return
    yield _ImageLines(total)


class _ImageLines:
    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.began: tuple[float, int] | None = None
        self.last = 0.0

    def __call__(self, count: int) -> None:
        self.done += count
        now = time.monotonic()
        if self.began is None:
            self.began = now, self.done
        elif now - self.last >= SECONDS_BETWEEN_LINES or self.done == self.total:
            self.last = now
            rate = (self.done - self.began[1]) / max(now - self.began[0], 1e-9)
            left = (self.total - self.done) / rate if rate else 0
            print_line(f"{self.done} of {self.total} images, {rate:.1f} a second, {left:.0f} s left")
