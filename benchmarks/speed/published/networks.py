"""The networks of CE-GZSL and f-CLSWGAN as published: every layer reads the concatenation [x; semantics].

Facts: github.com/Hanzy1996/CE-GZSL, the authors' PyTorch code, which goes back to Xian et al. 2018.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2


def initialise(module: nn.Module) -> None:
    """N(0, 0.02) weights and zero biases."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            nn.init.zeros_(layer.bias)


class Generator(nn.Module):
    """[noise; a] -> hidden, LeakyReLU -> features, ReLU."""

    def __init__(self, noise: int, semantics: int, hidden: int, features: int) -> None:
        super().__init__()
        self.first = nn.Linear(noise + semantics, hidden)
        self.second = nn.Linear(hidden, features)
        initialise(self)

    def forward(self, noise: Tensor, semantics: Tensor) -> Tensor:
        """``(B, nz)`` noise and ``(B, a)`` semantics to ``(B, d)``."""
        hidden = functional.leaky_relu(self.first(torch.cat([noise, semantics], 1)), SLOPE)
        return functional.relu(self.second(hidden))


class PairNetwork(nn.Module):
    """[x; a] -> hidden, LeakyReLU -> score: the critic, and the comparator."""

    def __init__(self, inputs: int, semantics: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(inputs + semantics, hidden)
        self.second = nn.Linear(hidden, 1)
        initialise(self)

    def forward(self, inputs: Tensor, semantics: Tensor) -> Tensor:
        """``(n, d)`` and ``(n, a)`` to ``(n, 1)``."""
        hidden = functional.leaky_relu(self.first(torch.cat([inputs, semantics], 1)), SLOPE)
        scores: Tensor = self.second(hidden)
        return scores


class Embedding(nn.Module):
    """Features -> h, ReLU; h -> z of unit length."""

    def __init__(self, features: int, embedding: int, projection: int) -> None:
        super().__init__()
        self.first = nn.Linear(features, embedding)
        self.second = nn.Linear(embedding, projection)
        initialise(self)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, d)`` to h ``(B, e)`` and z ``(B, outz)``."""
        hidden = functional.relu(self.first(features))
        return hidden, functional.normalize(self.second(hidden), dim=1)
