"""SDGZSL's networks. Those with dropout take the batch whose masks they draw; None in evaluation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.training.batch import Batch
from gzslbench_methods.dropout import dropped
from gzslbench_methods.linear import SLOPE

_VARIANCE_DROP = 0.2


def _leaky(values: Tensor) -> Tensor:
    return functional.leaky_relu(values, SLOPE)


class VaeEncoder(nn.Module):
    """[features; semantics] to the mean and the variance of a normal distribution."""

    def __init__(self, inputs: int, hidden: int, code: int, latent: int, drop: float) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden)
        self.third = nn.Linear(hidden, code)
        self.mean, self.variance = nn.Linear(code, latent), nn.Linear(code, latent)
        self.drop = drop

    def forward(self, features: Tensor, semantics: Tensor, batch: Batch | None) -> tuple[Tensor, Tensor]:
        """``(n, d)`` and ``(n, a)`` to ``(n, latent)`` means and ``(n, latent)`` variances > 0."""
        hidden = _leaky(self.first(torch.cat([features, semantics], 1)))
        code = self.third(_leaky(dropped(self.second(hidden), self.drop, batch)))
        return self.mean(code), functional.softplus(dropped(self.variance(code), _VARIANCE_DROP, batch))


class VaeDecoder(nn.Module):
    """[latent; semantics] to features; ``epsilon`` is what batch normalization adds to the variances."""

    def __init__(self, inputs: int, hidden: int, features: int, drop: float, epsilon: float) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden)
        self.third, self.out = nn.Linear(hidden, hidden), nn.Linear(hidden, features)
        self.norm, self.last_norm = (nn.BatchNorm1d(hidden, eps=epsilon) for _ in range(2))
        self.drop = drop

    def forward(self, latent: Tensor, semantics: Tensor, batch: Batch | None) -> Tensor:
        """``(n, latent)`` and ``(n, a)`` to ``(n, d)``."""
        hidden = self.first(torch.cat([latent, semantics], 1))
        hidden = self.second(_leaky(dropped(hidden, self.drop, batch)))
        hidden = self.third(dropped(self.norm(hidden), self.drop, batch))
        return _leaky(self.out(_leaky(dropped(self.last_norm(hidden), self.drop, batch))))


class Autoencoder(nn.Module):
    """Features to a semantic-consistent and another half, and back."""

    def __init__(self, features: int, half: int, hidden: int, drop: float) -> None:
        super().__init__()
        self.halves = nn.Linear(features, 2 * half)
        self.back, self.out = nn.Linear(2 * half, hidden), nn.Linear(hidden, features)
        self.half, self.drop = half, drop

    def encode(self, features: Tensor, batch: Batch | None) -> Tensor:
        """``(n, d)`` to ``(n, 2 half)``, the semantic-consistent half first."""
        return dropped(_leaky(self.halves(features)), self.drop, batch)

    def decode(self, halves: Tensor, batch: Batch | None) -> Tensor:
        """``(n, 2 half)`` to ``(n, d)``."""
        hidden = dropped(_leaky(self.back(halves)), self.drop, batch)
        return dropped(_leaky(self.out(hidden)), self.drop, batch)


class RelationNetwork(nn.Module):
    """How well a semantic-consistent half fits the semantics of a class, in (0, 1).

    Its first layer reads a concatenation, and is computed as a sum of one product for each part.
    """

    def __init__(self, half: int, semantics: int, hidden: int) -> None:
        super().__init__()
        self.pair, self.out = nn.Linear(half + semantics, hidden), nn.Linear(hidden, 1)

    def forward(self, halves: Tensor, semantics: Tensor) -> Tensor:
        """``(n, half)`` and ``(m, a)`` to the ``(n, m)`` relations of all pairs."""
        weight, width = self.pair.weight, halves.shape[1]
        of_halves = functional.linear(halves, weight[:, :width], self.pair.bias)
        of_semantics = functional.linear(semantics, weight[:, width:])
        hidden = functional.relu(of_halves.unsqueeze(1) + of_semantics)
        relations: Tensor = self.out(hidden).squeeze(2).sigmoid()
        return relations
