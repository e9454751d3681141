"""What a loss gets: rows of the training view, and the noise stream."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """``(B, d)`` features and their ``(B,)`` labels (row numbers of the view's semantics).

    Losses take their random numbers from ``noise`` through ``normal`` and ``uniform``, so that a run can
    be repeated and resumed to the bit. ``epoch`` is a number on the device, the completed epochs of the
    stage, for terms whose weight follows it.
    """

    features: Tensor
    labels: Tensor
    noise: torch.Generator
    epoch: Tensor = field(default_factory=lambda: torch.zeros(()))

    def __len__(self) -> int:
        return len(self.labels)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers on the batch's device."""
        return torch.randn(shape, generator=self.noise, device=self.features.device)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1) on the batch's device."""
        return torch.rand(shape, generator=self.noise, device=self.features.device)
