"""Show the progress of a fetch on standard error: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bar

from gzslbench.files import format_size
from gzslbench.prepare.download.download import Progress

SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def show_transfer() -> Iterator[Progress]:
    """Yield what shows progress in a way that fits standard error."""
    if not sys.stderr.isatty():
        yield TransferLines()
        return
    bar = TransferBar()
    try:
        yield bar
    finally:
        bar.stop()


class TransferBar(Progress):
    """Shows a live bar for the current step, and lines above it."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.bar: Bar | None = None

    def begin(self, what: str, total: int | None, done: int = 0) -> None:
        """Begin a new bar."""
        self.stop()
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self.console,
        )
        self.bar.start()
        self.task = self.bar.add_task(escape(what), total=total, completed=done)

    def advance(self, count: int) -> None:
        """Advance the bar."""
        if self.bar is not None:
            self.bar.advance(self.task, count)

    def log(self, line: str) -> None:
        """Print a line above the bar."""
        self.console.print(line, markup=False, highlight=False)

    def stop(self) -> None:
        """Leave the bar as it is, and the cursor below it."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


class TransferLines(Progress):
    """Prints a line when a step begins, every few seconds, and when it ends."""

    def __init__(self) -> None:
        self.what, self.done, self.last = "", 0, 0.0
        self.total: int | None = None

    def begin(self, what: str, total: int | None, done: int = 0) -> None:
        """Print what begins."""
        self.what, self.total, self.done = what, total, done
        self._print()

    def advance(self, count: int) -> None:
        """Print the bytes so far, if some seconds have passed or the step ends."""
        self.done += count
        if self.done == self.total or time.monotonic() - self.last >= SECONDS_BETWEEN_LINES:
            self._print()

    def log(self, line: str) -> None:
        """Print the line."""
        print(line, file=sys.stderr, flush=True)  # noqa: T201

    def _print(self) -> None:
        self.last = time.monotonic()
        of = "" if self.total is None else f" of {format_size(self.total)}"
        self.log(f"{self.what}: {format_size(self.done)}{of}")
