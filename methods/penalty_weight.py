"""A weight of the critic's gradient penalty that follows the penalty."""

from __future__ import annotations

import torch
from torch import Tensor, nn

RAISED_ABOVE, LOWERED_BELOW = 1.05, 1.001
"""Bounds of the mean penalty, as the published code of TF-VAEGAN has them."""
FACTOR = 1.1


class PenaltyWeight(nn.Module):
    """lambda, which the mean penalty of the last critic steps moves by a tenth.

    Its state lies in buffers, so that a checkpoint holds it and a captured step reads it anew.
    """

    value: Tensor
    total: Tensor

    def __init__(self, start: float) -> None:
        super().__init__()
        self.register_buffer("value", torch.tensor(start))
        self.register_buffer("total", torch.zeros(()))

    def note(self, penalty: Tensor) -> None:
        """Count a critic step's penalty, E (|gradient| - 1)^2 without its weight."""
        self.total.add_(penalty.detach())

    def adapt(self, steps: int) -> None:
        """Move the weight by the mean penalty of the last ``steps`` critic steps, and forget them."""
        mean = self.total / steps
        lowered = torch.where(mean < LOWERED_BELOW, 1 / FACTOR, 1.0)
        self.value.mul_(torch.where(mean > RAISED_ABOVE, FACTOR, lowered))
        self.total.zero_()
