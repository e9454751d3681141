"""Named random streams, all derived from one root seed.

A stream depends only on the root and on its names. So drawing more numbers from one stream (for example by
evaluating more often) does not change the other streams.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


def stream(root: int, *names: str | int) -> int:
    """Return the 63-bit seed of the stream ``names`` under ``root``."""
    text = "/".join(map(str, (root, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(device: torch.device | str, root: int, *names: str | int) -> torch.Generator:
    """Return a generator on ``device`` at the start of the stream ``names`` under ``root``."""
    return torch.Generator(device=device).manual_seed(stream(root, *names))


class PermutationSampler:
    """Draws rows in the order of one random permutation after another; a batch may span two of them.

    So every batch is full, as in the published code of the f-CLSWGAN family, and a row can appear twice in
    a batch that spans two permutations.

    Attributes:
        remaining: Rows of the current permutation that are still to come.
    """

    def __init__(self, rows: int, generator: torch.Generator, device: torch.device) -> None:
        self.rows = rows
        self.generator = generator
        self.device = device
        self.remaining = torch.empty(0, dtype=torch.int64, device=device)

    def next(self, count: int) -> Tensor:
        """Return the next ``count`` row numbers; ``count`` is at most ``rows``."""
        missing = count - len(self.remaining)
        if missing <= 0:
            batch, self.remaining = self.remaining[:count], self.remaining[count:]
            return batch
        fresh = torch.randperm(self.rows, generator=self.generator, device=self.device)
        batch, self.remaining = torch.cat([self.remaining, fresh[:missing]]), fresh[missing:]
        return batch


class GlobalStream:
    """A stage's own state of torch's global random stream, installed while the stage trains.

    Our losses draw from their batch. A layer such as dropout draws from the global stream, and must repeat
    and resume as well. Outside of ``installed`` the global stream is not changed.

    Attributes:
        state: The generators' states: the CPU's, and on CUDA the device's.
    """

    def __init__(self, device: torch.device, seed: int) -> None:
        self._cuda_devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(self._cuda_devices):
            torch.manual_seed(seed)
            self.state = self._states()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Make the stage's stream the global one inside."""
        with torch.random.fork_rng(self._cuda_devices):
            torch.set_rng_state(self.state[0].cpu())
            for device, state in zip(self._cuda_devices, self.state[1:], strict=True):
                torch.cuda.set_rng_state(state.cpu(), device)
            try:
                yield
            finally:
                self.state = self._states()

    def _states(self) -> list[Tensor]:
        return [torch.get_rng_state(), *map(torch.cuda.get_rng_state, self._cuda_devices)]
