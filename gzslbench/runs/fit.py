"""One fit: a training from its first epoch to its last evaluation.

A run has one fit on all of trainval. With ``--select val`` there is one on the validation split before it,
with ``--calibrate val`` one on each validation split, if the first is not there already.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import torch

from gzslbench.computing.device import matmul_precision
from gzslbench.computing.seeds import stream
from gzslbench.data.dataset import Dataset
from gzslbench.data.views import make_views
from gzslbench.errors import DivergedError, InterruptedRunError
from gzslbench.evaluation.calibration import choose_gamma
from gzslbench.evaluation.controls import StandIn, split_unseen, uses_method
from gzslbench.evaluation.evaluator import Evaluation, Evaluator
from gzslbench.evaluation.metrics import Metrics
from gzslbench.evaluation.selection import EvaluatedEpoch, GammaChoice, select
from gzslbench.plugins.params import Params
from gzslbench.plugins.registry import plugins
from gzslbench.runs.cell import Cell
from gzslbench.runs.progress import Progress
from gzslbench.training.checkpoint import load_checkpoint, restoring, save_checkpoint
from gzslbench.training.trainer import EpochEnd, Trainer, build_method, load_class

if TYPE_CHECKING:
    from gzslbench.runs.execute import Options
    from gzslbench.runs.plan import Plan
    from gzslbench.runs.store import RunFolder


@dataclass
class Seconds:
    """Wall time of a fit in seconds, summed over its interruptions."""

    train: float = 0.0
    evaluate: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Everything that one training needs.

    Attributes:
        name: ``validation``, ``calibration-1`` and so on, or ``final``. Its checkpoint and its lines in
            metrics.jsonl carry this name.
        params: The method's parameters, with the chosen number of epochs.
        eval_every: Evaluate after every so many epochs and at the end; 0: at the end only.
        head_epochs: Epochs of the head at each evaluation; None: the method's own number.
        stop: Returns True once the user asked to stop.
        patience: End after so many evaluations without a higher T1; 0: train all epochs.
        spent: The seconds of the run's trainings; this one adds its own, even if it diverges.
    """

    name: str
    plan: Plan
    cell: Cell
    params: Params
    dataset: Dataset
    eval_every: int
    head_epochs: int | None = None
    options: Options
    folder: RunFolder
    progress: Progress
    stop: Callable[[], bool]
    patience: int = 0
    spent: list[Seconds] = field(default_factory=list)


def checkpoint_owner(cell: Cell, fit: str, params: Params, head_epochs: int | None) -> str:
    """Name what a checkpoint belongs to: the cell, the fit, and the epochs chosen on validation classes."""
    epochs = params.as_dict().get("epochs")
    return f"{cell.digest} {fit} epochs={epochs} head_epochs={head_epochs}"


@dataclass(frozen=True)
class Outcome:
    """The result of a finished fit.

    ``evaluations`` are those of the final model: one, or as many as ``eval_repeats`` for the final fit.
    """

    history: tuple[EvaluatedEpoch, ...]
    evaluations: tuple[Evaluation, ...]
    parameters: int


class FitRun:
    """A fit in progress."""

    def __init__(self, fit: Fit) -> None:
        self.fit = fit
        cell, plan, graphs = fit.cell, fit.plan, fit.options.graphs
        self.device = torch.device(plan.device)
        train, held_out = make_views(fit.dataset, cell.preprocessing, self.device, plan.spec.setting)
        clock = time.perf_counter()
        if cell.control == "oracle":
            held_out = split_unseen(held_out)
        if uses_method(cell.control, plan.spec.kind):
            self.method = build_method(plan.spec, train, fit.params, cell.seed)
            method_setting = plan.spec.setting
        else:
            self.method = StandIn(train, cell.seed)
            method_setting = "inductive"
        self.seconds = Seconds(train=time.perf_counter() - clock)  # a closed form is solved here
        fit.spent.append(self.seconds)
        self.trainer = Trainer(self.method, train, cell.seed, cell.precision, cell.deterministic, graphs)
        head = None if plan.head is None else load_class(plan.head.spec)(plan.head.params)
        self.calibrates = cell.calibrate != "none"
        self.evaluator = Evaluator(
            train,
            held_out,
            head=head,
            head_setting=plan.head_setting,
            method_setting=method_setting,
            graphs=graphs,
            training_gaps=("every" if fit.name == "validation" else "last") if self.calibrates else "none",
        )
        self.history: list[EvaluatedEpoch] = []
        self.evaluation: Evaluation | None = None
        self._pending: deque[EpochEnd] = deque()
        self.path = fit.folder.checkpoint_file(fit.name)
        self.owner = checkpoint_owner(cell, fit.name, fit.params, fit.head_epochs)

    def run(self) -> Outcome:
        """Train from the checkpoint, if there is one, to the end."""
        fit, trainer = self.fit, self.trainer
        self._resume()
        fit.progress.start(fit.name, trainer.iterations, trainer.iterations_done, trainer.sizes)
        stop = fit.stop
        if fit.options.profile is not None:
            stop = fit.options.profile.between_iterations(trainer, fit.eval_every, stop)
        clock = time.perf_counter()
        for end in () if self._stalled() else trainer.epochs(stop, fit.progress.iteration):
            self.seconds.train += time.perf_counter() - clock
            self.end_epoch(end)
            clock = time.perf_counter()
            if self._stalled():
                break
        self.seconds.train += time.perf_counter() - clock
        if trainer.interrupted:
            self._report_pending()
            trainer.check_finite()
            self._save()
            what = f"run {fit.cell.id} was stopped; its state is saved"
            fix = "repeat the command with --resume, and without --rerun, to continue"
            raise InterruptedRunError(what, where=self.path, fix=fix)
        if self.evaluation is None:
            self._evaluate(trainer.completed_epochs)
        self._save()
        assert self.evaluation is not None
        repeats = self._repeat_evaluation() if fit.name == "final" else ()
        parameters = sum(parameter.numel() for parameter in self.method.modules.parameters())
        return Outcome(tuple(self.history), (self.evaluation, *repeats), parameters)

    def end_epoch(self, end: EpochEnd) -> None:
        """Evaluate and save if it is time to, and report the epochs whose losses are on the host."""
        every = self.fit.eval_every
        if end.counted and (end.epoch == end.epochs or (every > 0 and end.epoch % every == 0)):
            self._report_pending()
            self._losses(end)  # a model that has diverged is not evaluated
            try:
                metrics = self._evaluate(end.epoch).as_dict()
            except DivergedError:
                self._report(end)
                raise
            self._report(end, {"metrics": metrics})
        else:
            self._pending.append(end)
        checkpoint_every = self.fit.options.checkpoint_every
        if checkpoint_every and end.epoch % checkpoint_every == 0:
            self._save()
        self._report_pending(wait=False)

    def _stalled(self) -> bool:
        """Return whether T1 has not risen for ``patience`` evaluations."""
        if not self.fit.patience or not self.history:
            return False
        best = select("test-peek-outer", self.history, "T1").epoch
        return sum(done.epoch > best for done in self.history) >= self.fit.patience

    def _report_pending(self, *, wait: bool = True) -> None:
        """Report the epochs that have ended; without ``wait`` those whose losses are on the host."""
        while self._pending and (wait or self._pending[0].sums.arrived):
            self._report(self._pending.popleft())

    def _report(self, end: EpochEnd, metrics: Mapping[str, Any] | None = None) -> None:
        """Pass the line of an epoch to metrics.jsonl, the progress and the plugins."""
        position = {"leg": self.fit.name, "stage": end.stage, "epoch": end.epoch}
        line = {**position, "losses": self._losses(end), **(metrics or {})}
        self.fit.folder.append_metrics(line)
        self.fit.progress.epoch(line)
        plugins().notify("gzslbench_epoch_end", run=self.fit.cell, metrics=line)

    def _losses(self, end: EpochEnd) -> dict[str, float]:
        """Return the losses of ``end``; waiting for them counts as training."""
        clock = time.perf_counter()
        losses = end.losses
        self.seconds.train += time.perf_counter() - clock
        return losses

    def _evaluate(self, epoch: int) -> Metrics:
        fit, cell = self.fit, self.fit.cell
        profile = fit.options.profile
        with nullcontext() if profile is None else profile.evaluation(fit.folder):
            clock = time.perf_counter()
            with matmul_precision("fp32", cell.deterministic):
                evaluation = self.evaluator.evaluate(self.method, epoch, cell.seed, fit.head_epochs)
            self.seconds.evaluate += time.perf_counter() - clock
            self.history = [evaluated for evaluated in self.history if evaluated.epoch < epoch]
            gammas: tuple[GammaChoice, ...] = ()
            if self.calibrates and fit.name != "final":  # in the final fit it would be chosen on test rows
                known = evaluation.best[-len(evaluation.training_gaps) :]  # the entries that have gaps
                gammas = tuple(map(choose_gamma, known, evaluation.training_gaps))
            self.history.append(EvaluatedEpoch(epoch, evaluation.trace, gammas))
            self.evaluation = evaluation
        return evaluation.trace[-1]

    def _repeat_evaluation(self) -> tuple[Evaluation, ...]:
        """Evaluate the final model again, each time with another random stream for synthesis and head."""
        fit, cell = self.fit, self.fit.cell
        clock, epoch = time.perf_counter(), self.history[-1].epoch
        found = []
        with matmul_precision("fp32", cell.deterministic):
            for number in range(1, cell.eval_repeats):
                if fit.stop():
                    fix = "repeat the command with --resume to finish its evaluation"
                    what = f"run {cell.id} was stopped after its training"
                    raise InterruptedRunError(what, where=self.path, fix=fix)
                seed = stream(cell.seed, "evaluation-repeat", number)
                found.append(self.evaluator.evaluate(self.method, epoch, seed, fit.head_epochs))
        self.seconds.evaluate += time.perf_counter() - clock
        return tuple(found)

    def _save(self) -> None:
        self._report_pending()
        state = {
            "trainer": self.trainer.state_dict(),
            "seconds": [self.seconds.train, self.seconds.evaluate],
            "history": [
                [done.epoch, [list(astuple(m)) for m in done.trace], [list(astuple(g)) for g in done.gammas]]
                for done in self.history
            ],
        }
        save_checkpoint(self.path, self.owner, state)

    def _resume(self) -> None:
        if self.path.exists():
            state = load_checkpoint(self.path, self.owner, self.device)
            with restoring(self.path):
                self.trainer.load_state_dict(state["trainer"])
                self.seconds.train, self.seconds.evaluate = msgspec.convert(state["seconds"], list[float])
                self.history = [_read_epoch(*saved) for saved in state["history"]]
        for stage, epoch in self.trainer.completed.items():
            self.fit.folder.keep_metrics_until(epoch, leg=self.fit.name, stage=stage)


def _read_epoch(epoch: Any, trace: Any, gammas: Any = ()) -> EvaluatedEpoch:
    """Read an entry of the history in a checkpoint; those of 0.1 have no gammas."""
    if not trace:
        raise ValueError("an evaluation has no metrics")
    metrics = [Metrics(*numbers) for numbers in msgspec.convert(trace, list[list[float]])]
    choices = [GammaChoice(*numbers) for numbers in msgspec.convert(gammas, list[list[float]])]
    return EvaluatedEpoch(msgspec.convert(epoch, int), tuple(metrics), tuple(choices))
