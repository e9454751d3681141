"""One stage in training: its batches, steps, losses, and the state from which it resumes."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Annotated, Any, TypedDict

import msgspec
import torch
from torch import Tensor, nn

from gzslbench.computing.graph import CudaCapture, GraphCache, capture_on
from gzslbench.computing.seeds import GlobalStream, generator, stream
from gzslbench.data.views import as_region_rows
from gzslbench.errors import DivergedError
from gzslbench.plugins.inputs import Batch, TrainView
from gzslbench.plugins.method import HeldOut, Method, Phase, Stage
from gzslbench.training.batch import Sampler, loop_lengths
from gzslbench.training.optimization import PhaseOptimizer, factor_of, no_moments

Count = Annotated[int, msgspec.Meta(ge=0)]


class StageState(TypedDict):
    """What a checkpoint keeps of a stage, apart from the networks."""

    epoch: Count
    iteration: Count
    sums: dict[str, Tensor]
    sampler: dict[str, Any]
    torch_stream: list[Tensor]
    optimizers: list[dict[str, Any]]


class StageRun:
    """Trains one stage, an iteration at a time."""

    def __init__(
        self,
        stage: Stage,
        method: Method,
        view: TrainView,
        seed: int,
        precision: str = "fp32",
        graphs: bool = True,
    ) -> None:
        device = view.labels.device
        reads_rows = as_region_rows(view.features) is not None  # then the host draws them
        self.stage = stage
        self.loops = loop_lengths(view, stage)
        self.torch_stream = GlobalStream(device, stream(seed, "torch", stage.name))
        self.sampler = Sampler(
            view,
            stage.batch_size,
            stage.sampling,
            rows=generator("cpu" if reads_rows else device, seed, "sampling", stage.name),
            noise=generator(device, seed, "noise", stage.name),
        )
        moments = no_moments()
        self.optimizers = [
            PhaseOptimizer(phase, method.modules, precision, None if phase.own_moments else moments)
            for phase in stage.phases
        ]
        self.epoch = 0
        self.iteration = 0
        self.sums: dict[str, Tensor] = {}
        self.batch: Batch | None = None
        streams = [self.sampler.noise] if reads_rows else [self.sampler.rows, self.sampler.noise]
        capture = capture_on(device, streams, trim=True) if graphs else None
        self.graph_step = None if capture is None else GraphStep(self.sampler, method.modules, capture)

    def iterate(self) -> None:
        """Run one iteration: every phase of the current loop, in order."""
        if self.iteration == 0:
            self._start_epoch()
        self.batch = None
        loop = bisect_right(list(accumulate(self.loops)), self.iteration)
        for optimizer in self.optimizers:
            if optimizer.phase.loop in (None, loop):
                for _ in range(optimizer.phase.repeats):
                    self._step(optimizer)
        self.iteration += 1

    @property
    def iterations(self) -> int:
        """Iterations of an epoch."""
        return sum(self.loops)

    @property
    def epoch_is_over(self) -> bool:
        """Whether all iterations of the epoch are done."""
        return self.iteration >= self.iterations

    def end_epoch(self) -> EpochLosses:
        """Count the epoch, and send its losses to the host.

        Raises:
            DivergedError: A loss that is on the host already is NaN or infinite.
        """
        self.epoch += 1
        self.iteration = 0
        return self._losses(self.epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return everything, apart from the networks, that decides what comes next."""
        return {
            "epoch": self.epoch,
            "iteration": self.iteration,
            "sums": self.sums,
            "sampler": self.sampler.state_dict(),
            "torch_stream": self.torch_stream.state,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``; ``checkpoint.restoring`` lists what another state raises."""
        read = msgspec.convert(state, StageState)
        self.epoch, self.iteration = read["epoch"], read["iteration"]
        if self.epoch > self.stage.epochs or self.iteration > self.iterations:
            raise ValueError(f"iteration {self.iteration} after {self.epoch} of {self.stage.epochs} epochs")
        phases = {phase.name for phase in self.stage.phases}
        for name, total in read["sums"].items():
            if name.partition("/")[0] not in phases or total.shape:
                raise ValueError(f"the losses have {name!r} of shape {tuple(total.shape)}")
        self.sums = {key: value.clone() for key, value in read["sums"].items()}
        self.sampler.load_state_dict(read["sampler"])
        self.sampler.epoch.fill_(self.epoch)
        self.torch_stream.state = read["torch_stream"]
        with self.torch_stream.installed():  # refuses anything but the state of a stream
            pass
        for optimizer, saved in zip(self.optimizers, read["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        if self.graph_step is not None:
            self.graph_step.graphs.forget()

    def check_finite(self) -> None:
        """Raise a DivergedError if a loss of the current epoch is NaN or infinite."""
        self._losses(self.epoch + (self.iteration > 0)).means()

    def _losses(self, epoch: int) -> EpochLosses:
        steps = {
            phase.name: phase.repeats * (sum(self.loops) if phase.loop is None else self.loops[phase.loop])
            for phase in self.stage.phases
        }
        return EpochLosses(self.sums, steps, self.stage.name, epoch)

    def _step(self, optimizer: PhaseOptimizer) -> None:
        optimizer.prepare_step()
        phase = optimizer.phase
        draws = phase.held_out or phase.fresh_batch or self.batch is None
        if self.graph_step is not None:
            self.graph_step(optimizer, self._record, draws=draws)
            batch = self.graph_step.batch
        else:
            batch = self.sampler.batch(phase.held_out) if draws or self.batch is None else self.batch
            self._record(phase, optimizer.step(batch))
        if not phase.held_out:  # a phase of the others can still get its last batch again
            self.batch = batch

    def _record(self, phase: Phase, terms: Mapping[str, Tensor]) -> None:
        """Add a step's terms to the sums of the epoch, on the device."""
        for name, value in terms.items():
            key = f"{phase.name}/{name}"
            if key in self.sums:
                self.sums[key] += value
            else:
                self.sums[key] = value.clone()

    def _start_epoch(self) -> None:
        if self.graph_step is None:
            self.sums = {}
        for total in self.sums.values():  # a captured step adds to this memory, so it must stay
            total.zero_()
        self.sampler.start_epoch(self.epoch)
        factor = factor_of(self.stage.schedule, self.epoch, self.stage)
        for optimizer in self.optimizers:
            own = optimizer.phase.schedule
            own_factor = 1.0 if own is None else factor_of(own, self.epoch, optimizer.phase)
            optimizer.start_epoch(factor * own_factor, first=self.epoch == 0)


class GraphStep:
    """Draws a batch into the same memory each time, steps, and records the terms, all in one CUDA graph.

    Attributes:
        batch: The batch that the steps read.
        graphs: The graphs of the steps.
    """

    def __init__(self, sampler: Sampler, modules: nn.ModuleDict, capture: CudaCapture) -> None:
        self.sampler = sampler
        self.batch = sampler.reserve()
        self._held_out = (
            sampler.reserve(held_out=True) if isinstance(sampler.sampling, HeldOut) else self.batch
        )
        self.graphs = GraphCache(capture)
        self._tensors = [*modules.parameters(), *modules.buffers()]
        self._addresses = self._current_addresses()

    def __call__(
        self,
        optimizer: PhaseOptimizer,
        record: Callable[[Phase, Mapping[str, Tensor]], None],
        *,
        draws: bool,
    ) -> None:
        """Take one step of ``optimizer``, on a fresh batch if ``draws``, else on the last one again.

        ``record`` must add the terms to tensors that stay where they are. It is not stored, because a
        reference cycle would keep the graphs of a finished stage alive.
        """
        if (addresses := self._current_addresses()) != self._addresses:
            # A replay would use the memory that the networks had when it was captured.
            self._addresses = addresses
            self.graphs.forget()
        # A draw is part of the graph. What depends on the host comes before it: the position of a pass, and
        # rows that are read there.
        captures_draw = draws and self.sampler.sampling != "pass" and self.sampler.reader is None
        if draws and not captures_draw:
            self.sampler.fill(self.batch)

        held_out = optimizer.phase.held_out
        batch = self._held_out if held_out else self.batch

        def call() -> None:
            if captures_draw:
                self.sampler.fill(batch, held_out)
            record(optimizer.phase, optimizer.step(batch))

        self.graphs(optimizer.phase.name, call, captures_draw, optimizer.fix_gradients)

    def _current_addresses(self) -> list[int]:
        return [tensor.data_ptr() for tensor in self._tensors]


class EpochLosses:
    """Sums of loss terms over an epoch, on their way from the device to the host.

    On CUDA they are copied while the next epoch trains, and ``means`` waits for them and checks that they are
    finite; on a CPU the constructor checks it.
    """

    def __init__(self, sums: Mapping[str, Tensor], steps: Mapping[str, int], stage: str, epoch: int) -> None:
        """Start the copy of ``sums``, by ``phase/term``, over ``steps``, by phase; ``epoch`` is from 1."""
        self.stage = stage
        self.epoch = epoch
        self._steps = {name: steps[name.partition("/")[0]] for name in sums}
        values = torch.stack(list(sums.values())) if sums else torch.empty(0)
        self._values, self._copied = _copy_to_host(values)
        if self._copied is None:
            self.means()

    @property
    def arrived(self) -> bool:
        """Whether ``means`` can return without waiting."""
        return self._copied is None or bool(self._copied.query())  # type: ignore[no-untyped-call]

    def means(self) -> dict[str, float]:
        """Return the mean over the epoch's steps by ``phase/term``."""
        if self._copied is not None:
            self._copied.synchronize()
        sums = dict(zip(self._steps, self._values.tolist(), strict=True))
        for name, value in sums.items():
            if not math.isfinite(value):
                raise DivergedError(name, value, self.stage, self.epoch)
        return {name: value / self._steps[name] for name, value in sums.items()}


def _copy_to_host(values: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    """Copy ``values`` to the host; also return the event that ends the copy, None for values on a CPU."""
    if not values.is_cuda:
        return values, None
    host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    host.copy_(values, non_blocking=True)
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
    copied.record(torch.cuda.current_stream(values.device))
    return host, copied
