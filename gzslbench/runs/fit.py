"""One fit: a training from its first epoch to its last evaluation.

A run has one fit, or two with ``--select val``: one on the validation split, then one on all of trainval.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import torch

from gzslbench.computing.device import matmul_precision
from gzslbench.data.dataset import Dataset
from gzslbench.data.views import make_views
from gzslbench.errors import DivergedError, InterruptedRunError
from gzslbench.evaluation.evaluator import Evaluator
from gzslbench.evaluation.metrics import Metrics
from gzslbench.evaluation.predictions import Predictions
from gzslbench.evaluation.selection import EvaluatedEpoch
from gzslbench.plugins.head import Head
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import Params
from gzslbench.plugins.registry import plugins
from gzslbench.plugins.spec import Setting
from gzslbench.runs.cell import Cell
from gzslbench.runs.progress import Progress
from gzslbench.training.checkpoint import load_checkpoint, save_checkpoint
from gzslbench.training.trainer import EpochEnd, Trainer, build_method

if TYPE_CHECKING:
    from gzslbench.runs.profile import Profile
    from gzslbench.runs.store import RunFolder


@dataclass
class Seconds:
    """Wall time of a fit in seconds, summed over its interruptions."""

    train: float = 0.0
    evaluate: float = 0.0

    def __add__(self, other: Seconds) -> Seconds:
        return Seconds(self.train + other.train, self.evaluate + other.evaluate)


@dataclass(frozen=True)
class Fit:
    """Everything that one training needs.

    Attributes:
        name: ``validation`` or ``final``. Its checkpoint and its lines in metrics.jsonl carry this name.
        eval_every: Evaluate after every so many epochs and at the end; 0: at the end only.
        head_epochs: Epochs of the head at each evaluation; None: the method's own number.
        checkpoint_every: Epochs between checkpoints; 0: on interruption and at the end only.
        stop: Returns True once the user asked to stop.
        profile: Traces a window of the fit; None: no trace.
        graphs: Whether a CUDA device replays captured steps.
        head: The head for a generative method; None: the softmax head with the method's own settings.
        head_setting: What the head sees while it is fitted.
    """

    name: str
    cell: Cell
    spec: MethodSpec
    params: Params
    dataset: Dataset
    device: torch.device
    eval_every: int
    head_epochs: int | None
    checkpoint_every: int
    folder: RunFolder
    progress: Progress
    stop: Callable[[], bool]
    profile: Profile | None = None
    graphs: bool = True
    head: Head | None = None
    head_setting: Setting = "inductive"

    @property
    def owner(self) -> str:
        """The run and fit that its checkpoint belongs to."""
        return checkpoint_owner(self.cell, self.name, self.params, self.head_epochs)


def checkpoint_owner(cell: Cell, fit: str, params: Params, head_epochs: int | None) -> str:
    """Name what a checkpoint belongs to: the cell, the fit, and the epochs chosen on validation classes.

    Args:
        cell: The cell.
        fit: ``validation`` or ``final``.
        params: The method's parameters, with the chosen number of epochs.
        head_epochs: The chosen epochs of the head; None: the method's own number.
    """
    epochs = params.as_dict().get("epochs")
    return f"{cell.digest} {fit} epochs={epochs} head_epochs={head_epochs}"


@dataclass(frozen=True)
class Outcome:
    """What a finished fit gives."""

    history: tuple[EvaluatedEpoch, ...]
    predictions: Predictions
    parameters: int
    seconds: Seconds


class FitRun:
    """A fit in progress."""

    def __init__(self, fit: Fit) -> None:
        self.fit = fit
        cell = fit.cell
        train, held_out = make_views(fit.dataset, cell.preprocessing, fit.device, fit.spec.setting)
        clock = time.perf_counter()
        self.method = build_method(fit.spec, train, fit.params, cell.seed)
        solving = time.perf_counter() - clock  # all of the training that a closed form has
        self.trainer = Trainer(
            self.method, train, cell.seed, cell.precision, cell.deterministic, graphs=fit.graphs
        )
        self.evaluator = Evaluator(
            train, held_out, head=fit.head, head_setting=fit.head_setting, graphs=fit.graphs
        )
        self.seconds = Seconds(train=solving)
        self.history: list[EvaluatedEpoch] = []
        self._untold: deque[EpochEnd] = deque()
        self.predictions: Predictions | None = None
        self.path = fit.folder.checkpoint_file(fit.name)

    def run(self) -> Outcome:
        """Go on from the checkpoint, where there is one, to the end.

        Raises:
            InterruptedRunError: The user asked to stop; the checkpoint is written.
            DivergedError: A loss became NaN or infinite; the last checkpoint is kept.
        """
        self.begin()
        fit = self.fit
        stop = fit.stop
        if fit.profile is not None:
            stop = fit.profile.between_iterations(self.trainer, fit.eval_every, stop)
        clock = time.perf_counter()
        for end in self.trainer.epochs(stop, fit.progress.iteration):
            self.seconds.train += time.perf_counter() - clock
            self.end_epoch(end)
            clock = time.perf_counter()
        self.seconds.train += time.perf_counter() - clock
        if self.trainer.interrupted:
            raise self.saved()
        return self.finish()

    def begin(self) -> None:
        """Go on from the checkpoint, where there is one.

        Raises:
            CheckpointError: It cannot be read, or belongs to another fit.
        """
        self._resume()
        self.fit.progress.start(self.fit.name, self.trainer.iterations, self.trainer.iterations_done)

    def saved(self) -> InterruptedRunError:
        """Write the checkpoint of a training that was asked to stop; the error that tells of it.

        Raises:
            DivergedError: A loss is NaN or infinite; nothing is saved.
        """
        self._tell()
        self.trainer.check_finite()
        self._save()
        return InterruptedRunError(
            f"run {self.fit.cell.id} stopped as asked; its state is saved",
            where=self.path,
            fix="repeat the command with --resume, and without --rerun, to go on from here",
        )

    def finish(self) -> Outcome:
        """What the training, now at its end, gives."""
        if self.predictions is None:
            self._evaluate(self.trainer.counted_epochs)
        self._save()
        assert self.predictions is not None
        return Outcome(tuple(self.history), self.predictions, _count(self.method), self.seconds)

    def end_epoch(self, end: EpochEnd) -> None:
        """Evaluate and save where it is due; tell of the epochs whose losses are on the host.

        Raises:
            DivergedError: A loss of one of them is NaN or infinite; nothing was saved since.
        """
        if end.counted and self._is_due(end):
            self._tell()
            self._awaited(end)  # of a model that has diverged nothing is evaluated
            self._tell_of(end, self._metrics(end))
        else:
            self._untold.append(end)
        if self.fit.checkpoint_every and end.epoch % self.fit.checkpoint_every == 0:
            self._save()
        while self._untold and self._untold[0].sums.arrived:
            self._tell_of(self._untold.popleft())

    def _metrics(self, end: EpochEnd) -> dict[str, Any]:
        """The evaluation of ``end`` for its line, which is told without where the scores are no numbers."""
        try:
            return {"metrics": self._evaluate(end.epoch).as_dict()}
        except DivergedError:
            self._tell_of(end)
            raise

    def _tell(self) -> None:
        """Tell of every epoch that has ended, waiting for its losses."""
        while self._untold:
            self._tell_of(self._untold.popleft())

    def _tell_of(self, end: EpochEnd, metrics: Mapping[str, Any] | None = None) -> None:
        named = {"leg": self.fit.name, "stage": end.stage, "epoch": end.epoch}
        line = {**named, "losses": self._awaited(end), **(metrics or {})}
        self.fit.folder.append_metrics(line)
        self.fit.progress.epoch(line)
        plugins().notify("gzslbench_epoch_end", run=self.fit.cell, metrics=line)

    def _awaited(self, end: EpochEnd) -> dict[str, float]:
        """The losses of ``end``; to wait for them is to wait for its training."""
        clock = time.perf_counter()
        losses = end.losses
        self.seconds.train += time.perf_counter() - clock
        return losses

    def _is_due(self, end: EpochEnd) -> bool:
        every = self.fit.eval_every
        return end.epoch == end.epochs or (every > 0 and end.epoch % every == 0)

    def _evaluate(self, epoch: int) -> Metrics:
        profile = self.fit.profile
        with nullcontext() if profile is None else profile.evaluation(self.fit.folder):
            return self._evaluated(epoch)

    def _evaluated(self, epoch: int) -> Metrics:
        clock = time.perf_counter()
        cell = self.fit.cell
        with matmul_precision("fp32", cell.deterministic):
            evaluation = self.evaluator.evaluate(self.method, epoch, cell.seed, self.fit.head_epochs)
        self.seconds.evaluate += time.perf_counter() - clock
        self.history = [scored for scored in self.history if scored.epoch < epoch]
        self.history.append(EvaluatedEpoch(epoch, evaluation.trace))
        self.predictions = evaluation.predictions
        return evaluation.trace[-1]

    def _save(self) -> None:
        self._tell()
        state = {
            "trainer": self.trainer.state_dict(),
            "seconds": [self.seconds.train, self.seconds.evaluate],
            "history": [[scored.epoch, [list(astuple(m)) for m in scored.trace]] for scored in self.history],
        }
        save_checkpoint(self.path, self.fit.owner, state)

    def _resume(self) -> None:
        if self.path.exists():
            state = load_checkpoint(self.path, self.fit.owner, self.fit.device)
            self.trainer.load_state_dict(state["trainer"])
            self.seconds.train, self.seconds.evaluate = state["seconds"]
            self.history = [
                EvaluatedEpoch(epoch, tuple(Metrics(*m) for m in trace)) for epoch, trace in state["history"]
            ]
        for stage, epoch in self.trainer.completed.items():
            self.fit.folder.keep_metrics_until(epoch, leg=self.fit.name, stage=stage)


def _count(method: Any) -> int:
    return sum(parameter.numel() for parameter in method.modules.parameters())
