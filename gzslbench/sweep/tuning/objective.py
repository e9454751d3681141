"""What a trial is: one training on part of trainval, judged on the rest of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from gzslbench.data.narrowed import narrowed
from gzslbench.data.validation import validation_dataset
from gzslbench.errors import DeviceError, StoreError
from gzslbench.plugins.params import build
from gzslbench.runs.cell import Cell
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.plan import Plan
from gzslbench.runs.progress import Progress
from gzslbench.runs.store import Store

Report = Callable[[int, float], None]
"""Hears of each evaluation: completed epochs, and H in percent; raises HopelessTrial to end the trial."""


class HopelessTrial(Exception):  # noqa: N818 - it is what a trial comes to
    """The trial is not worth finishing."""


@dataclass(frozen=True)
class Judged:
    """What a trial came to.

    Attributes:
        H: At its last epoch, in percent; 0 where it diverged.
        metrics: At its last epoch; empty where it diverged.
        best_epoch: The evaluated epoch of highest H, for the curious: nothing follows from it.
        failure: Where it diverged: term, stage and epoch.
    """

    H: float
    metrics: Mapping[str, Any]
    best_epoch: int | None
    failure: Mapping[str, Any] | None = None


class Objective:
    """H on the validation classes, for any values of the parameters that are searched.

    It holds the trainval rows of the dataset and no other: neither test rows nor the unseen classes'
    semantics are within its reach.
    """

    def __init__(self, plan: Plan) -> None:
        """``plan`` is of the whole task; nothing of it but trainval is kept.

        Raises:
            DataError: No validation classes can be chosen.
        """
        dataset = narrowed(validation_dataset(plan.dataset))
        self.plan = replace(plan, dataset=dataset, cells=[replace(plan.cells[0], task=dataset.task_id)])

    @property
    def cell(self) -> Cell:
        """Of the preset."""
        return self.plan.cells[0]

    def __call__(
        self, title: str, values: Mapping[str, Any], store: Store, report: Report, progress: Progress
    ) -> Judged:
        """Train with ``values`` laid over the preset, and judge; ``progress`` is told of it as ``title``.

        What ``store`` has of the same training is gone on with. Only what is interrupted leaves a checkpoint.

        Raises:
            ParamError: The values contradict each other.
            DeviceError: Memory ran out.
            InterruptedRunError: The user stopped it; it can be gone on with.
            HopelessTrial: ``report`` raised it.
        """
        params = build(self.plan.spec.params, {**self.plan.params.as_dict(), **values}, "trial")
        cell = replace(self.cell, params=params.as_dict())
        plan = replace(self.plan, params=params, cells=[cell])
        try:
            watcher = _Reporting(title, progress, report)
            record, folder = run_cell(plan, cell, store, Options(resume=True), watcher)
        except (HopelessTrial, DeviceError):
            _remove_large(store.run(cell.id))
            raise
        _remove_large(folder)
        if record.failure is not None:
            return Judged(0.0, {}, None, record.failure)
        last, best = record.metrics["last"], record.metrics["test-peek-outer"]
        return Judged(last["H"], last, best["epoch"])


class _Reporting:
    """Passes on what it hears under the trial's title, and reports every evaluation."""

    def __init__(self, title: str, inner: Progress, report: Report) -> None:
        self.title = title
        self.inner = inner
        self.report = report

    def start(self, leg: str, iterations: int, done: int) -> None:
        """Pass it on."""
        self.inner.start(self.title, iterations, done)

    def iteration(self) -> None:
        """Pass it on."""
        self.inner.iteration()

    def epoch(self, line: Mapping[str, Any]) -> None:
        """Pass it on, and report."""
        self.inner.epoch({**line, "leg": self.title})
        if "metrics" in line:
            self.report(line["epoch"], line["metrics"]["H"])


def _remove_large(folder: RunFolder) -> None:
    """Remove what takes much room and serves nobody: record, curve and log stay."""
    with suppress(OSError, StoreError):
        folder.predictions_file.unlink(missing_ok=True)
        for path in folder.path.glob("checkpoint-*.pt"):
            path.unlink()
