"""The one training loop: stages, epochs, iterations, phases."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from gzslbench.computing.device import numerics
from gzslbench.computing.graph import capture_on
from gzslbench.computing.seeds import generator, stream
from gzslbench.computing.torch_stream import TorchStream
from gzslbench.data.views import TrainView
from gzslbench.plugins.method import Method, Phase, Stage
from gzslbench.training.batch import Batch
from gzslbench.training.captured_steps import CapturedSteps
from gzslbench.training.epoch_losses import EpochLosses
from gzslbench.training.optimization import PhaseOptimizer
from gzslbench.training.sampler import Sampler
from gzslbench.training.update_rule import no_moments


@dataclass(frozen=True)
class EpochEnd:
    """An epoch that has just ended.

    Attributes:
        stage: Name of its stage.
        counted: Whether it belongs to the last stage, whose epochs are evaluated.
        epoch: Completed epochs of the stage.
        epochs: Epochs the stage has.
        sums: What ``losses`` are the means of, perhaps still on their way from the device.
    """

    stage: str
    counted: bool
    epoch: int
    epochs: int
    sums: EpochLosses

    @property
    def losses(self) -> dict[str, float]:
        """Mean over the epoch of each ``phase/term``, as soon as they are on the host.

        Raises:
            DivergedError: A loss is NaN or infinite.
        """
        return self.sums.means()


class StageRun:
    """One stage under way."""

    def __init__(
        self,
        stage: Stage,
        method: Method,
        view: TrainView,
        seed: int,
        precision: str = "fp32",
        graphs: bool = True,
    ) -> None:
        device = view.features.device
        self.stage = stage
        self.torch_stream = TorchStream(device, stream(seed, "torch", stage.name))
        self.sampler = Sampler(
            view,
            stage.batch_size,
            stage.sampling,
            rows=generator(device, seed, "sampling", stage.name),
            noise=generator(device, seed, "noise", stage.name),
        )
        moments = no_moments()
        self.optimizers = [
            PhaseOptimizer(phase, method.modules, precision, moments) for phase in stage.phases
        ]
        self.epoch = 0
        self.iteration = 0
        self.sums: dict[str, Tensor] = {}
        self.batch: Batch | None = None
        capture = capture_on(device, (self.sampler.rows, self.sampler.noise), trim=True) if graphs else None
        self.captured = None if capture is None else CapturedSteps(self.sampler, method.modules, capture)

    def iterate(self) -> None:
        """One iteration: every phase of the loop in order."""
        self.begin_iteration()
        for optimizer in self.optimizers:
            if optimizer.phase.loop not in (None, self.loop):
                continue
            for _ in range(optimizer.phase.repeats):
                self._step(optimizer)
        self.iteration += 1

    def begin_iteration(self) -> None:
        """Forget the last batch; at an epoch's start, its sums and the learning rates."""
        if self.iteration == 0:
            self._start_epoch()
        self.batch = None

    def draw(self, phase: Phase) -> Batch:
        """The batch of the phase's next step: a fresh one, or the last one again."""
        if self.batch is None or phase.fresh_batch:
            self.batch = self.sampler.batch()
        return self.batch

    def record(self, phase: Phase, terms: Mapping[str, Tensor]) -> None:
        """Add a step's terms to the epoch's sums, on the device."""
        for name, value in terms.items():
            key = f"{phase.name}/{name}"
            if key in self.sums:
                self.sums[key] += value
            else:
                self.sums[key] = value.clone()

    @property
    def loop(self) -> int:
        """The loop that the next iteration belongs to."""
        return self.iteration // self.sampler.iterations

    @property
    def iterations(self) -> int:
        """Iterations an epoch."""
        return self.stage.loops * self.sampler.iterations

    @property
    def epoch_is_over(self) -> bool:
        """Whether the epoch's iterations are done."""
        return self.iteration >= self.iterations

    def end_epoch(self) -> EpochLosses:
        """Count the epoch, and send its losses to the host.

        Raises:
            DivergedError: A loss is NaN or infinite, and on the host already.
        """
        self.epoch += 1
        self.iteration = 0
        return self._losses(self.epoch)

    def state_dict(self) -> dict[str, Any]:
        """Everything that decides what comes next, apart from the networks."""
        return {
            "epoch": self.epoch,
            "iteration": self.iteration,
            "sums": self.sums,
            "sampler": self.sampler.state_dict(),
            "torch_stream": self.torch_stream.state,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state``."""
        self.epoch, self.iteration = state["epoch"], state["iteration"]
        self.sums = {key: value.clone() for key, value in state["sums"].items()}
        self.sampler.load_state_dict(state["sampler"])
        self.sampler.epoch.fill_(self.epoch)
        self.torch_stream.state = state["torch_stream"]
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        if self.captured is not None:
            self.captured.replays.forget()

    def check_finite(self) -> None:
        """Refuse to go on, or to be saved, with losses that are no numbers.

        Raises:
            DivergedError: The epoch under way has a loss that is NaN or infinite.
        """
        self._losses(self.epoch + (self.iteration > 0)).means()

    def _losses(self, epoch: int) -> EpochLosses:
        steps = {phase.name: self._steps(phase) for phase in self.stage.phases}
        return EpochLosses(self.sums, steps, self.stage.name, epoch)

    def _steps(self, phase: Phase) -> int:
        """Of one phase, an epoch."""
        loops = self.stage.loops if phase.loop is None else 1
        return phase.repeats * loops * self.sampler.iterations

    def _step(self, optimizer: PhaseOptimizer) -> None:
        if self.captured is None:
            self.record(optimizer.phase, optimizer.step(self.draw(optimizer.phase)))
            return
        draws = self.batch is None or optimizer.phase.fresh_batch
        self.batch = self.captured.batch
        self.captured(optimizer, self.record, draws=draws)

    def _start_epoch(self) -> None:
        if self.captured is None:
            self.sums = {}
        for total in self.sums.values():  # a captured step adds to it where it is
            total.zero_()
        self.sampler.epoch.fill_(self.epoch)
        factor = self.stage.schedule(self.epoch)
        for optimizer in self.optimizers:
            optimizer.start_epoch(factor, first=self.epoch == 0)


class Trainer:
    """Runs a method's stages on a view that lies on the device.

    ``epochs`` yields after each epoch, so that the caller evaluates and saves; between two iterations it
    asks whether to stop, and then ends with ``interrupted`` set, in a state that can be saved and resumed.
    """

    def __init__(
        self,
        method: Method,
        view: TrainView,
        seed: int,
        precision: str = "fp32",
        deterministic: bool = False,
        graphs: bool = True,
    ) -> None:
        """``graphs``: whether a CUDA device replays captured steps; it changes no number."""
        self.method = method
        self.view = view
        self.seed = seed
        self.precision = precision
        self.deterministic = deterministic
        self.graphs = graphs
        self.stages = tuple(method.stages())
        self.stage_index = 0
        self.interrupted = False
        self.current = self._start_stage()

    @property
    def iterations(self) -> int:
        """Iterations of all stages together, for progress bars."""
        rows = len(self.view.labels)
        return sum(stage.epochs * _iterations(stage, rows) for stage in self.stages)

    @property
    def iterations_done(self) -> int:
        """Of ``iterations``, those behind us."""
        rows = len(self.view.labels)
        finished = self.stages[: self.stage_index]
        done = sum(stage.epochs * _iterations(stage, rows) for stage in finished)
        if self.current is not None:
            done += self.current.epoch * self.current.iterations + self.current.iteration
        return done

    @property
    def completed(self) -> dict[str, int]:
        """Completed epochs of every stage, by name."""
        index = self.stage_index
        now = 0 if self.current is None else self.current.epoch
        return {
            stage.name: stage.epochs if i < index else now if i == index else 0
            for i, stage in enumerate(self.stages)
        }

    @property
    def counted_epochs(self) -> int:
        """Epochs of the last stage; 0 for a method without stages."""
        return self.stages[-1].epochs if self.stages else 0

    def epochs(
        self, stop: Callable[[], bool] = lambda: False, on_iteration: Callable[[], None] = lambda: None
    ) -> Iterator[EpochEnd]:
        """Train to the end, yielding after each epoch.

        Raises:
            DivergedError: A loss became NaN or infinite. On CUDA nobody waits for it here: whoever reads an
                epoch's ``losses`` hears of it.
        """
        while (run := self.under_way()) is not None:
            if not self._train_epoch(run, stop, on_iteration):
                self.interrupt()
                return
            yield self.end_epoch()

    def under_way(self) -> StageRun | None:
        """The stage with an epoch left to train, past those without; None at the end."""
        while self.current is not None and self.current.epoch >= self.current.stage.epochs:
            self.stage_index += 1
            self.current = self._start_stage()
        return self.current

    def end_epoch(self) -> EpochEnd:
        """Count the epoch whose iterations are done.

        Raises:
            DivergedError: A loss became NaN or infinite, and is on the host already.
        """
        assert self.current is not None
        losses, stage = self.current.end_epoch(), self.current.stage
        counted = self.stage_index == len(self.stages) - 1
        return EpochEnd(stage.name, counted, self.current.epoch, stage.epochs, losses)

    def interrupt(self) -> None:
        """Stop within an epoch, in a state that can be saved and resumed once it is ``check_finite``."""
        self.interrupted = True

    def check_finite(self) -> None:
        """Refuse to be saved with losses that are no numbers.

        Raises:
            DivergedError: The epoch under way has a loss that is NaN or infinite.
        """
        if self.current is not None:
            self.current.check_finite()

    def state_dict(self) -> dict[str, Any]:
        """Networks, optimizers, streams and position; plain containers of tensors and numbers."""
        return {
            "modules": {name: _whole(value) for name, value in self.method.modules.state_dict().items()},
            "stage_index": self.stage_index,
            "stage": None if self.current is None else self.current.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state``, as if never interrupted."""
        self.method.modules.load_state_dict(state["modules"])
        self.stage_index = state["stage_index"]
        self.current = self._start_stage()
        if self.current is not None:
            self.current.load_state_dict(state["stage"])

    def _start_stage(self) -> StageRun | None:
        if self.stage_index >= len(self.stages):
            return None
        stage = self.stages[self.stage_index]
        return StageRun(stage, self.method, self.view, self.seed, self.precision, self.graphs)

    def _train_epoch(self, run: StageRun, stop: Callable[[], bool], on_iteration: Callable[[], None]) -> bool:
        """Finish the epoch; False if asked to stop before its end."""
        with numerics(self.precision, self.deterministic), run.torch_stream.installed():
            while not run.epoch_is_over:
                if stop():
                    return False
                run.iterate()
                on_iteration()
        return True


def _whole(value: Any) -> Any:
    """A tensor with no more memory than its own: a checkpoint of a view holds all that it is a view of."""
    is_view = isinstance(value, Tensor) and value.untyped_storage().nbytes() > value.nbytes
    return value.clone() if is_view else value


def _iterations(stage: Stage, rows: int) -> int:
    """Iterations an epoch."""
    return stage.loops * math.ceil(rows / min(stage.batch_size, rows))
