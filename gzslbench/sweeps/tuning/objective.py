"""A trial: one training on part of trainval, scored on the classes and rows that it left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from gzslbench.data.validation import validation_dataset
from gzslbench.data.variants import restrict_to_split
from gzslbench.errors import DeviceError, StoreError
from gzslbench.plugins.params import build
from gzslbench.runs.cell import Cell
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.plan import Plan
from gzslbench.runs.progress import Progress
from gzslbench.runs.store import Store
from gzslbench.training.trainer import StageSize

Report = Callable[[int, float], None]
"""Called after each evaluation with the epoch and the metric; raises PrunedTrial to end the trial."""


class PrunedTrial(Exception):  # noqa: N818 - not an error
    """The trial is not worth finishing."""


@dataclass(frozen=True)
class TrialScore:
    """The score of a trial: the metric in percent and all metrics at its last epoch, or why it diverged.

    ``best_epoch`` is the evaluated epoch of highest H; nothing is decided by it.
    """

    value: float
    metrics: Mapping[str, Any]
    best_epoch: int | None
    failure: Mapping[str, Any] | None = None


class Objective:
    """Computes H or T1 on the validation classes for given values of the searched parameters.

    It has only the trainval rows of the dataset, so it can see neither test rows nor the semantics of unseen
    classes.
    """

    def __init__(self, plan: Plan, metric: str = "H") -> None:
        """Keep the trainval rows of ``plan``, which is of the whole task."""
        self.metric = metric
        dataset = restrict_to_split(validation_dataset(plan.dataset))
        self.plan = replace(plan, dataset=dataset, cells=[replace(plan.cells[0], task=dataset.task_id)])

    @property
    def cell(self) -> Cell:
        """The cell of the preset."""
        return self.plan.cells[0]

    def __call__(
        self, title: str, values: Mapping[str, Any], store: Store, report: Report, progress: Progress
    ) -> TrialScore:
        """Train with the preset changed by ``values``, and compute the score.

        If ``store`` has a checkpoint of the same training, it continues from there. ``progress`` shows the
        training under ``title``. Only an interrupted training leaves a checkpoint.
        """
        params = build(self.plan.spec.params, {**self.plan.params.as_dict(), **values}, "trial")
        cell = replace(self.cell, params=params.as_dict())
        plan = replace(self.plan, params=params, cells=[cell])
        watcher = _TrialProgress(title, progress, report, self.metric)
        try:
            record, folder = run_cell(plan, cell, store, Options(resume=True), watcher)
        except (PrunedTrial, DeviceError):
            _remove_large(store.run(cell.id))
            raise
        _remove_large(folder)
        if record.failure is not None:
            return TrialScore(0.0, {}, None, asdict(record.failure))
        last, best = record.metrics["last"], record.metrics["test-peek-outer"]
        return TrialScore(last.as_dict()[self.metric], asdict(last), best.epoch)


class _TrialProgress(Progress):
    """Shows the training under the trial's title, and reports every evaluation."""

    def __init__(self, title: str, inner: Progress, report: Report, metric: str) -> None:
        self.metric = metric
        self.title = title
        self.inner = inner
        self.report = report

    def start(self, leg: str, iterations: int, done: int, stages: Sequence[StageSize] = ()) -> None:
        self.inner.start(self.title, iterations, done, stages)

    def iteration(self) -> None:
        self.inner.iteration()

    def epoch(self, line: Mapping[str, Any]) -> None:
        self.inner.epoch({**line, "leg": self.title})
        if "metrics" in line and line["leg"] == "final":  # not while early stopping looks for the epochs
            self.report(line["epoch"], line["metrics"][self.metric])


def _remove_large(folder: RunFolder) -> None:
    """Remove predictions and checkpoints, which are large; record, curve and log stay."""
    with suppress(OSError, StoreError):
        folder.predictions_file.unlink(missing_ok=True)
        for path in folder.path.glob("checkpoint-*.pt"):
            path.unlink()
