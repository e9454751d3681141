"""The encoder and the generator of a conditional VAE-GAN, as f-VAEGAN-D2 and its successors share them.

The generator is also the VAE's decoder. Layers that read a concatenation are written as a sum of one layer
for each part, which is the same map; so the part that reads the semantics is computed once a class.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.training.batch import Batch
from gzslbench_methods.linear import SLOPE, linear, of_labels
from gzslbench_methods.precision import full


class Code(NamedTuple):
    """What the encoder makes of a batch: a normal distribution a row, and a draw of each; ``(B, nz)`` all."""

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
        hidden = self.from_features(features) + of_labels(self.from_semantics, semantics, labels)
        narrow = functional.leaky_relu(self.narrow(functional.leaky_relu(hidden, SLOPE)), SLOPE)
        mean, log_variance = full(self.out(narrow)).chunk(2, dim=1)
        return mean, log_variance

    def code(self, batch: Batch, semantics: Tensor) -> Code:
        """The batch's distributions, and a draw of each by the batch's noise."""
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
        """As ``forward``, but to the ``(B, ngh)`` hidden layer after its activation."""
        units = self.from_noise(noise) + of_labels(self.from_semantics, semantics, labels)
        return functional.leaky_relu(units, SLOPE)

    def logits(self, hidden: Tensor) -> Tensor:
        """The ``(B, d)`` logits, in float32 at least, of ``(B, ngh)`` hidden units."""
        return full(self.out(hidden))
