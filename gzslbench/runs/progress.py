"""Watchers of a run: their base, which does nothing, and the log file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gzslbench.files import writing
from gzslbench.runs.cell import Cell

if TYPE_CHECKING:
    from gzslbench.training.trainer import StageSize


class Progress:
    """A watcher of one run, which does nothing. It is called often, so each call must be cheap."""

    def start(self, leg: str, iterations: int, done: int, stages: Sequence[StageSize] = ()) -> None:
        """A fit starts or continues; ``done`` of its iterations are done.

        ``leg`` is its name: ``final`` tests on the test rows, every other fit on validation classes.
        """

    def iteration(self) -> None:
        """One iteration is done."""

    def epoch(self, line: Mapping[str, Any]) -> None:
        """An epoch is done; ``line`` is its line of metrics.jsonl."""


Watch = Callable[[Cell], AbstractContextManager[Progress]]
"""Shows the progress of a cell until the context ends."""


class LogFile(Progress):
    """Write a line to log.txt for each fit and epoch, whatever the terminal shows, and pass everything on."""

    def __init__(self, inner: Progress, path: Path) -> None:
        self.inner = inner
        self.path = path

    def start(self, leg: str, iterations: int, done: int, stages: Sequence[StageSize] = ()) -> None:
        """Write that a fit starts."""
        self._write(f"{leg} starts at iteration {done} of {iterations}")
        self.inner.start(leg, iterations, done, stages)

    def iteration(self) -> None:
        """Pass it on; the log has no line for it."""
        self.inner.iteration()

    def epoch(self, line: Mapping[str, Any]) -> None:
        """Write the epoch."""
        self._write(format_epoch(line))
        self.inner.epoch(line)

    def _write(self, text: str) -> None:
        with writing(self.path, "log.txt cannot be written"), self.path.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now().isoformat(timespec='seconds')}  {text}\n")


def format_epoch(line: Mapping[str, Any]) -> str:
    """Return one line of text for one line of metrics.jsonl; it says on which rows the metrics are."""
    losses = "  ".join(f"{name} {value:.4g}" for name, value in line["losses"].items())
    metrics = "  ".join(f"{name} {value:.2f}" for name, value in line.get("metrics", {}).items())
    head = f"{line['leg']} {line['stage']} epoch {line['epoch']}"
    rows = f"{'test' if line['leg'] == 'final' else 'validation'}: " * bool(metrics)
    return "  ".join(part for part in (head, losses, rows + metrics) if part)
