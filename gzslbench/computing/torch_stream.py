"""torch's global random stream, lent to a stage while it trains.

Our own losses draw from their batch; a layer such as dropout draws from the global stream, and must repeat
and resume like everything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


class TorchStream:
    """The global stream as one stage sees it; outside of ``installed`` it is as it was before."""

    def __init__(self, device: torch.device, seed: int) -> None:
        self.device = device
        with self._forked():
            torch.manual_seed(seed)
            self.state = self._states()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Go on with the stage's stream inside."""
        with self._forked():
            torch.set_rng_state(self.state[0].cpu())
            if self.device.type == "cuda":
                torch.cuda.set_rng_state(self.state[1].cpu(), self.device)
            try:
                yield
            finally:
                self.state = self._states()

    @contextmanager
    def _forked(self) -> Iterator[None]:
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            yield

    def _states(self) -> list[torch.Tensor]:
        states = [torch.get_rng_state()]
        return [*states, torch.cuda.get_rng_state(self.device)] if self.device.type == "cuda" else states
