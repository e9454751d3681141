"""A stage's steps as replays of what they launch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from gzslbench.computing.replays import Capture, Replays
from gzslbench.method import Phase
from gzslbench.training.optimization import PhaseOptimizer
from gzslbench.training.sampler import Sampler

Record = Callable[[Phase, Mapping[str, Tensor]], None]


class CapturedSteps:
    """Draws a batch into the same memory each time, steps, and records the terms, all in one replay.

    Attributes:
        batch: What the steps read.
    """

    def __init__(self, sampler: Sampler, modules: nn.ModuleDict, capture: Capture) -> None:
        self.sampler = sampler
        self.batch = sampler.reserve()
        self.replays = Replays(capture)
        self._tensors = [*modules.parameters(), *modules.buffers()]
        self._addresses = self._where()

    def __call__(self, optimizer: PhaseOptimizer, record: Record, *, draws: bool) -> None:
        """One step of ``optimizer``, on a fresh batch if ``draws``, else on the last one.

        ``record`` must add to tensors that stay where they are.
        """
        self._forget_if_moved()
        captured = draws and self.sampler.sampling == "draw"  # a pass has its place on the host
        if draws and not captured:
            self.sampler.fill(self.batch)

        def step() -> None:
            if captured:
                self.sampler.fill(self.batch)
            record(optimizer.phase, optimizer.step(self.batch))

        self.replays(optimizer.phase.name, step, captured, optimizer.hold_gradients)

    def _forget_if_moved(self) -> None:
        """A replay would go on with the memory that the networks had when it was captured."""
        if (addresses := self._where()) != self._addresses:
            self._addresses = addresses
            self.replays.forget()

    def _where(self) -> list[int]:
        return [tensor.data_ptr() for tensor in self._tensors]
