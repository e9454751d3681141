"""A run's log.txt: a line a leg and an epoch, whatever the terminal shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from gzslbench.files import writing
from gzslbench.runs.progress import Progress


def epoch_line(line: Mapping[str, Any]) -> str:
    """One line of text for one line of metrics.jsonl."""
    losses = "  ".join(f"{name} {value:.4g}" for name, value in line["losses"].items())
    metrics = "  ".join(f"{name} {value:.2f}" for name, value in line.get("metrics", {}).items())
    head = f"{line['leg']} {line['stage']} epoch {line['epoch']}"
    return "  ".join(part for part in (head, losses, metrics) if part)


class Logged:
    """Passes on what it hears, and writes it down."""

    def __init__(self, inner: Progress, path: Path) -> None:
        self.inner = inner
        self.path = path

    def start(self, leg: str, iterations: int, done: int) -> None:
        """Note the beginning of a leg."""
        self._write(f"{leg} begins at iteration {done} of {iterations}")
        self.inner.start(leg, iterations, done)

    def iteration(self) -> None:
        """Pass it on."""
        self.inner.iteration()

    def epoch(self, line: Mapping[str, Any]) -> None:
        """Note the epoch."""
        self._write(epoch_line(line))
        self.inner.epoch(line)

    def _write(self, text: str) -> None:
        with (
            writing(self.path, "log.txt cannot be written"),
            self.path.open("a", encoding="utf-8") as file,
        ):
            file.write(f"{datetime.now().isoformat(timespec='seconds')}  {text}\n")
