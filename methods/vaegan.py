"""The parts of a conditional VAE-GAN that f-VAEGAN-D2 and its successors share.

The generator is also the VAE's decoder. Layers that read a concatenation are written as a sum of one layer
for each part, which is the same map. So the part that reads the semantics is computed once for each class.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Batch
from gzslbench_methods.layers import SLOPE, embed_per_class, linear, to_float32

RAISED_ABOVE, LOWERED_BELOW = 1.05, 1.001
"""Bounds of the mean penalty beyond which its weight changes, as in TF-VAEGAN's published code."""
FACTOR = 1.1
"""By which the weight is multiplied or divided."""


class Code(NamedTuple):
    """The encoding of a batch: a normal distribution for each row, and a draw of each; all ``(B, nz)``."""

    mean: Tensor
    log_variance: Tensor
    noise: Tensor


class Encoder(nn.Module):
    """E(x, a): [features; semantics] -> hidden -> 2 nz, LeakyReLU both -> mean and log variance."""

    def __init__(self, features: int, semantics: int, hidden: int, noise: int) -> None:
        super().__init__()
        self.from_features = linear(features, hidden, bias=False)
        self.from_semantics = linear(semantics, hidden)
        self.narrow = linear(hidden, 2 * noise)
        self.out = linear(2 * noise, 2 * noise)

    def forward(self, features: Tensor, semantics: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, d)`` features, ``(C, a)`` semantics, ``(B,)`` labels to ``(B, nz)`` means, log variances."""
        hidden = self.from_features(features) + embed_per_class(self.from_semantics, semantics, labels)
        narrow = functional.leaky_relu(self.narrow(functional.leaky_relu(hidden, SLOPE)), SLOPE)
        mean, log_variance = to_float32(self.out(narrow)).chunk(2, dim=1)
        return mean, log_variance

    def code(self, batch: Batch, semantics: Tensor) -> Code:
        """Encode the batch, and draw from each row's distribution by the batch's noise."""
        mean, log_variance = self(batch.features, semantics, batch.labels)
        deviation = torch.exp(log_variance / 2)
        return Code(mean, log_variance, mean + deviation * batch.normal(*mean.shape))


class SigmoidGenerator(nn.Module):
    """G(z, a): [noise; semantics] -> hidden, LeakyReLU -> logits; the features are their sigmoid."""

    def __init__(self, noise: int, semantics: int, hidden: int, features: int) -> None:
        super().__init__()
        self.from_noise = linear(noise, hidden, bias=False)
        self.from_semantics = linear(semantics, hidden)
        self.out = linear(hidden, features)

    def forward(self, noise: Tensor, semantics: Tensor, labels: Tensor) -> Tensor:
        """``(B, nz)`` noise, ``(C, a)`` semantics and ``(B,)`` labels to ``(B, d)`` logits."""
        return self.logits(self.hidden(noise, semantics, labels))

    def hidden(self, noise: Tensor, semantics: Tensor, labels: Tensor) -> Tensor:
        """Compute the ``(B, ngh)`` hidden layer, after its activation."""
        units = self.from_noise(noise) + embed_per_class(self.from_semantics, semantics, labels)
        return functional.leaky_relu(units, SLOPE)

    def logits(self, hidden: Tensor) -> Tensor:
        """``(B, ngh)`` hidden units to ``(B, d)`` logits, at least float32."""
        return to_float32(self.out(hidden))


class PenaltyWeight(nn.Module):
    """The weight lambda of the gradient penalty, which changes by a tenth with the mean penalty.

    Its state lies in buffers, so that a checkpoint saves it and a captured step reads its current value.
    """

    value: Tensor
    total: Tensor

    def __init__(self, start: float) -> None:
        super().__init__()
        self.register_buffer("value", torch.tensor(start))
        self.register_buffer("total", torch.zeros(()))

    def note(self, penalty: Tensor) -> None:
        """Add the penalty of a critic step, E (|gradient| - 1)^2 without its weight."""
        self.total.add_(penalty.detach())

    def adapt(self, steps: int) -> None:
        """Move the weight by the mean penalty of the last ``steps`` critic steps, and reset the sum."""
        mean = self.total / steps
        lowered = torch.where(mean < LOWERED_BELOW, 1 / FACTOR, 1.0)
        self.value.mul_(torch.where(mean > RAISED_ABOVE, FACTOR, lowered))
        self.total.zero_()
