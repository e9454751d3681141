"""Rows in the order of one random permutation after another."""

from __future__ import annotations

import torch
from torch import Tensor


class Walk:
    """Walks through permutations of ``rows`` numbers; a batch may reach from one into the next.

    So every batch is full, as in the published code of the f-CLSWGAN family, and a row can stand in a
    batch twice where two permutations meet.
    """

    def __init__(self, rows: int, generator: torch.Generator, device: torch.device) -> None:
        self.rows = rows
        self.generator = generator
        self.device = device
        self.remaining = torch.empty(0, dtype=torch.int64, device=device)

    def take(self, count: int) -> Tensor:
        """The next ``count`` rows, at most ``rows``."""
        missing = count - len(self.remaining)
        if missing <= 0:
            batch, self.remaining = self.remaining[:count], self.remaining[count:]
            return batch
        fresh = torch.randperm(self.rows, generator=self.generator, device=self.device)
        batch, self.remaining = torch.cat([self.remaining, fresh[:missing]]), fresh[missing:]
        return batch
