"""Bytes as they come: a live bar on a terminal, plain lines elsewhere. Both go to standard error."""

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
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from gzslbench.prepare.download.disk import in_words
from gzslbench.prepare.download.watcher import Watcher

SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def watch_transfer() -> Iterator[Watcher]:
    """A watcher fit for standard error."""
    if not sys.stderr.isatty():
        yield TransferLines()
        return
    bar = TransferBar()
    try:
        yield bar
    finally:
        bar.rest()


class TransferBar:
    """A live bar for what is under way, and lines above it."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.bar: Progress | None = None

    def begin(self, what: str, total: int | None, done: int = 0) -> None:
        """Begin a bar of its own."""
        self.rest()
        self.bar = Progress(
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
        """Advance it."""
        if self.bar is not None:
            self.bar.advance(self.task, count)

    def say(self, line: str) -> None:
        """Print a line above it."""
        self.console.print(line, markup=False, highlight=False)

    def rest(self) -> None:
        """Leave the bar as it is, and the cursor below it."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


class TransferLines:
    """A line when something begins, one now and then, and one at its end."""

    def __init__(self) -> None:
        self.what, self.done, self.last = "", 0, 0.0
        self.total: int | None = None

    def begin(self, what: str, total: int | None, done: int = 0) -> None:
        """Say what begins."""
        self.what, self.total, self.done = what, total, done
        self._print()

    def advance(self, count: int) -> None:
        """Print where it is, if some seconds have passed or that is the end."""
        self.done += count
        if self.done == self.total or time.monotonic() - self.last >= SECONDS_BETWEEN_LINES:
            self._print()

    def rest(self) -> None:
        """Nothing to leave."""

    def say(self, line: str) -> None:
        """Print it."""
        print(line, file=sys.stderr, flush=True)  # noqa: T201

    def _print(self) -> None:
        self.last = time.monotonic()
        of = "" if self.total is None else f" of {in_words(self.total)}"
        self.say(f"{self.what}: {in_words(self.done)}{of}")
