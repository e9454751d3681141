"""A run as it happens: a live bar on a terminal, plain lines elsewhere. Both go to standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gzslbench.runs.cell import Cell
from gzslbench.runs.log import epoch_line
from gzslbench.runs.progress import Progress as Watcher

SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def watch(cell: Cell, *, plain: bool = False) -> Iterator[Watcher]:
    """A watcher fit for standard error; ``plain`` asks for lines even on a terminal."""
    if plain or not sys.stderr.isatty():
        yield Lines()
        return
    with _bars() as bar:
        yield Bar(bar, _title(cell))


@contextmanager
def counted(what: str, total: int) -> Iterator[Callable[[str], None]]:
    """A bar on standard error that each call advances; nothing where that is no terminal."""
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda _: bar.advance(task)


@contextmanager
def rows_counted(total: int) -> Iterator[Callable[[int], None]]:
    """Tells on standard error how many rows are done, how many a second, and how long the rest will take.

    A bar on a terminal, a line now and then elsewhere. What is done before the first row does not count.
    """
    if sys.stderr.isatty():
        columns = (BarColumn(), TextColumn("{task.completed}/{task.total}"), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("", total=total)
            yield lambda rows: bar.advance(task, rows)
        return
    yield _RowLines(total)


class _RowLines:
    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.began: tuple[float, int] | None = None
        self.last = 0.0

    def __call__(self, rows: int) -> None:
        self.done += rows
        now = time.monotonic()
        if self.began is None:
            self.began = now, self.done
        elif now - self.last >= SECONDS_BETWEEN_LINES or self.done == self.total:
            self.last = now
            rate = (self.done - self.began[1]) / max(now - self.began[0], 1e-9)
            left = (self.total - self.done) / rate if rate else 0
            print(  # noqa: T201
                f"{self.done} of {self.total} photographs, {rate:.1f} a second, {left:.0f} s left",
                file=sys.stderr,
                flush=True,
            )


def _bars() -> Progress:
    return Progress(
        TextColumn("[bold]{task.fields[what]}"),
        BarColumn(bar_width=12),
        TextColumn("{task.percentage:.0f}%"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[scores]}"),
        console=Console(stderr=True),
    )


def _title(cell: Cell) -> str:
    return f"{cell.method} on {cell.dataset}, seed {cell.seed}"


class Bar:
    """The live bar."""

    def __init__(self, bar: Progress, title: str) -> None:
        self.bar = bar
        self.title = title

    def start(self, leg: str, iterations: int, done: int) -> None:
        """Add the leg's bar."""
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


class Lines:
    """A line for every evaluated epoch, and one now and then between."""

    def __init__(self) -> None:
        self.last = 0.0

    def start(self, leg: str, iterations: int, done: int) -> None:
        """Say what begins."""
        self._print(f"{leg}: {iterations - done} iterations to go")

    def iteration(self) -> None:
        """Say nothing."""

    def epoch(self, line: Mapping[str, Any]) -> None:
        """Print the epoch, if it was evaluated or some seconds have passed."""
        now = time.monotonic()
        if "metrics" in line or now - self.last >= SECONDS_BETWEEN_LINES:
            self.last = now
            self._print(epoch_line(line))

    def _print(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201
