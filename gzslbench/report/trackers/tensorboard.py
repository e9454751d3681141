"""Tracker for TensorBoard: event files in the run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gzslbench.plugins.tracker import TrackedEpoch, TrackedRun, state_after
from gzslbench.runs.record import Record

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter


class TensorBoard:
    """A folder of events for the run, and below it one for each training and stage, with epochs as steps.

    Each stage needs its own folder: a continued run hides the steps that it will log again, and TensorBoard
    hides by the step only.
    """

    def __init__(self) -> None:
        self._writers: dict[str, SummaryWriter] = {}

    def start(self, run: TrackedRun) -> None:
        """Write parameters and environment."""
        self._run = run
        about = self._writer("", 0)
        for title, values in (("parameters", run.parameters), ("environment", run.environment)):
            about.add_text(title, _table(values), 0)
        about.flush()

    def epoch(self, epoch: TrackedEpoch) -> None:
        """Write an epoch to disk."""
        part = f"{epoch.leg}/{epoch.stage.replace('/', '_')}"
        writer = self._writer(part, epoch.epoch)
        for name, value in epoch.numbers.items():
            writer.add_scalar(name, value, epoch.epoch)
        writer.flush()

    def end(self, record: Record, numbers: Mapping[str, float]) -> None:
        """Write the final numbers with the parameters, for the hyperparameter page."""
        about = self._writer("", 0)
        plain = {
            name: value if isinstance(value, (bool, int, float, str)) else str(value)
            for name, value in self._run.parameters.items()
        }
        about.add_hparams(plain, dict(numbers), run_name=".", global_step=0)
        self._close(record.status)

    def fail(self, error: BaseException) -> None:
        """Write how the run stopped."""
        what, *_ = [*str(error).splitlines(), ""]
        self._close(f"{state_after(error)}: {type(error).__name__}: {what}")

    def _writer(self, part: str, first: int) -> SummaryWriter:
        """Return the writer of ``part``; steps from ``first`` on that were written before are hidden."""
        if part not in self._writers:
            from torch.utils.tensorboard.writer import SummaryWriter

            folder = self._run.place / part
            hidden = first if any(folder.glob("events.*")) else None
            self._writers[part] = SummaryWriter(str(folder), purge_step=hidden)
        return self._writers[part]

    def _close(self, status: str) -> None:
        self._writer("", 0).add_text("status", status, 0)
        for writer in self._writers.values():
            writer.close()


def _table(values: Mapping[str, Any]) -> str:
    """Return a Markdown table."""
    rows = [f"| {name} | {str(value).replace('|', ' ')} |" for name, value in values.items()]
    return "\n".join(["| name | value |", "|---|---|", *rows])
