"""Progress on standard error: live bars on a terminal, plain lines now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column
from rich.text import Text

from gzslbench.files import format_size
from gzslbench.prepare.download.download import Progress as TransferProgress
from gzslbench.report.printing import print_line
from gzslbench.runs.cell import Cell
from gzslbench.runs.progress import Progress as RunProgress
from gzslbench.runs.progress import format_epoch
from gzslbench.training.trainer import StageSize

SECONDS_BETWEEN_LINES = 5.0


def _make_bar(*columns: ProgressColumn) -> Progress:
    """Return bars on standard error or in a notebook; elsewhere they only count."""
    console = Console(stderr=True)
    return Progress(*columns, console=console, disable=not _can_be_live(console))


def _can_be_live(console: Console) -> bool:
    """Return whether bars can move: on a terminal, and in a notebook where rich finds ipywidgets."""
    return sys.stderr.isatty() or (console.is_jupyter and find_spec("ipywidgets") is not None)


class _Pace:
    """Limits lines to one in SECONDS_BETWEEN_LINES."""

    def __init__(self) -> None:
        self.last = float("-inf")

    def allows(self, *, always: bool = False) -> bool:
        """Return whether to print a line now; if so, the time counts from here."""
        now = time.monotonic()
        allowed = always or now - self.last >= SECONDS_BETWEEN_LINES
        self.last = now if allowed else self.last
        return allowed


@contextmanager
def watch_run(cell: Cell, *, plain: bool = False) -> Iterator[RunProgress]:
    """Yield what shows the progress of a run; ``plain`` asks for lines even on a terminal."""
    with _RunBar(plain) as bar:
        yield _RunView(bar, f"{cell.method} on {cell.dataset}, seed {cell.seed}")


class _RunBar(Progress):
    """A bar over the whole width, with a line below it for losses and metrics."""

    def __init__(self, plain: bool) -> None:
        columns = (
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            TextColumn("{task.fields[position]}"),
            TimeRemainingColumn(),
        )
        console = Console(stderr=True)
        self.below = ""  # the constructor draws already
        super().__init__(*columns, console=console, disable=plain or not _can_be_live(console), expand=True)

    def get_renderables(self) -> Iterator[RenderableType]:
        """Return the bars, and the line below them."""
        yield self.make_tasks_table(self.tasks)
        yield Text(self.below, style="dim", overflow="ellipsis", no_wrap=True)


class _RunView(RunProgress):
    """A live bar for each fit, or a line for every evaluated epoch and now and then for another one."""

    def __init__(self, bar: _RunBar, title: str) -> None:
        self.bar, self.title, self.pace = bar, title, _Pace()

    def start(self, leg: str, iterations: int, done: int, stages: Sequence[StageSize] = ()) -> None:
        self.where = "test" if leg == "final" else "validation"
        self.sizes = {stage.name: stage for stage in stages}
        self.stage = stages[0].name if stages else ""
        self.best: Mapping[str, Any] | None = None
        what = self.title if leg == "final" else f"{self.title}, {leg}"
        left = iterations - done
        position = "the first step may compile" if left else "solving"
        self.task = self.bar.add_task(what, total=iterations, completed=done, position=position)
        self.bar.below = ""
        if self.bar.disable:
            print_line(f"{leg} fit: {f'{left} iterations to go' if left else position}")

    def iteration(self) -> None:
        if not self.bar.disable:  # it is called often
            self.bar.advance(self.task)

    def epoch(self, line: Mapping[str, Any]) -> None:
        metrics = line.get("metrics")
        if self.bar.disable:
            if self.pace.allows(always=metrics is not None):
                print_line(format_epoch(line))
            return
        self.bar.update(self.task, position=self._position(line))
        losses = "  ".join(f"{name} {value:.3g}" for name, value in line["losses"].items())
        if metrics:
            if self.best is None or metrics["H"] > self.best["metrics"]["H"]:
                self.best = line
            self.scores = self._scores(line)
        self.bar.below = f"{self.scores}   {losses}" if self.best else losses

    def _position(self, line: Mapping[str, Any]) -> str:
        """Say which epoch of which stage is done, and how many rows a second."""
        size, (task,) = self.sizes.get(line["stage"]), self.bar.tasks[-1:]
        if size is None:
            return f"{line['stage']} {line['epoch']}"
        speed = f"  {size.rows * task.speed:,.0f} rows/s" if task.speed else ""
        return f"{line['stage']} {line['epoch']}/{size.epochs}{speed}"

    def _scores(self, line: Mapping[str, Any]) -> str:
        """Say the last metrics, and the best H so far: a peek if the fit is tested on test rows."""
        assert self.best is not None
        last = "  ".join(f"{name} {line['metrics'][name]:.1f}" for name in ("H", "T1", "U", "S"))
        best = f"best H {self.best['metrics']['H']:.1f} in epoch {self.best['epoch']}"
        return f"{self.where}: {last}  ({best})"


@contextmanager
def watch_count(total: int, *, what: str) -> Iterator[Callable[[int], None]]:
    """Yield what to call with each number of ``what`` done; it shows their rate and the time left."""
    pace = _Pace()
    with _make_bar(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        number = bar.add_task("", total=total)

        def advance(count: int) -> None:
            bar.advance(number, count)
            (task,) = bar.tasks
            if bar.disable and pace.allows(always=task.finished):
                rate, left = task.speed, task.time_remaining or 0.0
                when = f", {rate:.1f} a second, {left:.0f} s left" if rate else ""
                print_line(f"{task.completed:.0f} of {total} {what}{when}")

        yield advance


@contextmanager
def show_transfer() -> Iterator[TransferProgress]:
    """Yield what shows the progress of downloads: a bar for each step, or lines."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with _make_bar(*columns) as bar:
        yield _Transfer(bar)


class _Transfer(TransferProgress):
    def __init__(self, bar: Progress) -> None:
        self.bar, self.pace = bar, _Pace()

    def begin(self, what: str, total: int | None, done: int = 0) -> None:
        self.bar.add_task(what, total=total, completed=done)
        self._print(always=True)

    def advance(self, count: int) -> None:
        task = self.bar.tasks[-1]
        self.bar.advance(task.id, count)
        self._print(always=task.finished)

    def log(self, line: str) -> None:
        print_line(line)  # above the bars: rich redirects standard error while it shows them

    def _print(self, *, always: bool) -> None:
        if self.bar.disable and self.pace.allows(always=always):
            task = self.bar.tasks[-1]
            total = "" if task.total is None else f" of {format_size(int(task.total))}"
            print_line(f"{task.description}: {format_size(int(task.completed))}{total}")
