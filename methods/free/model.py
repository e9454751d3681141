"""FREE's own network, the feature refinement."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench_methods.linear import SLOPE, linear
from gzslbench_methods.precision import full


class Refinement(nn.Module):
    """FR(x): features -> hidden, LeakyReLU -> mean, and deviation by a sigmoid, of a latent as long as a."""

    def __init__(self, features: int, hidden: int, semantics: int) -> None:
        super().__init__()
        self.first = linear(features, hidden)
        self.out = linear(hidden, 2 * semantics)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, d)`` features to ``(B, a)`` means and deviations."""
        return self.latent(self.hidden(features))

    def hidden(self, features: Tensor) -> Tensor:
        """``(B, d)`` features to the ``(B, m)`` hidden layer."""
        return functional.leaky_relu(self.first(features), SLOPE)

    def latent(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, m)`` hidden units to ``(B, a)`` means and deviations, in float32 at least."""
        mean, deviation = full(self.out(hidden)).chunk(2, dim=1)
        return mean, torch.sigmoid(deviation)
