"""A stage's steps as replays of what they launch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, nn

from gzslbench.computing.replays import Capture, Replays
from gzslbench.plugins.method import Phase
from gzslbench.training.batch import Batch
from gzslbench.training.optimization import PhaseOptimizer
from gzslbench.training.sampler import Sampler

Record = Callable[[Phase, Mapping[str, Tensor]], None]


class DrawnSteps:
    """Runs steps that read batches from the same memory each time, which are drawn before, where asked.

    The draw is captured with the step, unless it has a place on the host, as that of a pass has.
    """

    def __init__(
        self, samplers: Sequence[Sampler], batches: Sequence[Batch], replays: Replays | None
    ) -> None:
        """``replays``: None where steps are run as they are."""
        self.samplers = samplers
        self.batches = batches
        self.replays = replays

    def __call__(
        self, name: str, step: Callable[[], None], before_capture: Callable[[], None], *, draws: bool
    ) -> None:
        """Run ``step``, on fresh batches if ``draws``, else on the last ones.

        Args:
            name: Of the step; it does the same each time.
            step: Writes to tensors that stay where they are.
            before_capture: Run once, right before the step is captured.
            draws: Whether batches are drawn.
        """
        captured = draws and self.samplers[0].sampling == "draw"
        if draws and not captured:
            self._fill()

        def call() -> None:
            if captured:
                self._fill()
            step()

        if self.replays is None:
            call()
        else:
            self.replays(name, call, captured, before_capture)

    def _fill(self) -> None:
        for sampler, batch in zip(self.samplers, self.batches, strict=True):
            sampler.fill(batch)


class CapturedSteps:
    """Draws a batch into the same memory each time, steps, and records the terms, all in one replay.

    Attributes:
        batch: What the steps read.
        replays: Of the steps.
    """

    def __init__(self, sampler: Sampler, modules: nn.ModuleDict, capture: Capture) -> None:
        self.batch = sampler.reserve()
        self.replays = Replays(capture)
        self._steps = DrawnSteps([sampler], [self.batch], self.replays)
        self._tensors = [*modules.parameters(), *modules.buffers()]
        self._addresses = self._where()

    def __call__(self, optimizer: PhaseOptimizer, record: Record, *, draws: bool) -> None:
        """One step of ``optimizer``, on a fresh batch if ``draws``, else on the last one.

        ``record`` must add to tensors that stay where they are.
        """
        self._forget_if_moved()

        def step() -> None:
            record(optimizer.phase, optimizer.step(self.batch))

        self._steps(optimizer.phase.name, step, optimizer.hold_gradients, draws=draws)

    def _forget_if_moved(self) -> None:
        """A replay would go on with the memory that the networks had when it was captured."""
        if (addresses := self._where()) != self._addresses:
            self._addresses = addresses
            self.replays.forget()

    def _where(self) -> list[int]:
        return [tensor.data_ptr() for tensor in self._tensors]
