"""The conditional Wasserstein GAN with gradient penalty that the f-CLSWGAN family shares.

Layers that read a concatenation are written as a sum of one layer for each part, which is the same map;
so the part that reads the semantics is computed once a class.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.evaluation.checked_method import ClassNoise
from gzslbench_methods.linear import SLOPE, linear, of_labels
from gzslbench_methods.precision import full


class Generator(nn.Module):
    """G(z, a): [noise; semantics] -> hidden, LeakyReLU -> features, ReLU (Xian et al. 2018)."""

    def __init__(self, noise: int, semantics: int, hidden: int, features: int) -> None:
        super().__init__()
        self.from_noise = linear(noise, hidden, bias=False)
        self.from_semantics = linear(semantics, hidden)
        self.out = linear(hidden, features)

    def forward(self, noise: Tensor, semantics: Tensor, labels: Tensor) -> Tensor:
        """``(B, nz)`` noise, ``(C, a)`` semantics and ``(B,)`` labels to ``(B, d)`` features >= 0."""
        hidden = self.from_noise(noise) + of_labels(self.from_semantics, semantics, labels)
        return functional.relu(self.out(functional.leaky_relu(hidden, SLOPE)))


class Critic(nn.Module):
    """D(x, a): [features; semantics] -> hidden, LeakyReLU -> score.

    The score has no bias: only differences of scores enter the losses.
    """

    def __init__(self, features: int, semantics: int, hidden: int) -> None:
        super().__init__()
        self.from_features = linear(features, hidden, bias=False)
        self.from_semantics = linear(semantics, hidden)
        self.out = linear(hidden, 1, bias=False)

    def forward(self, features: Tensor, semantics: Tensor, labels: Tensor) -> Tensor:
        """``(B, d)`` features, ``(C, a)`` semantics and ``(B,)`` labels to ``(B,)`` scores."""
        hidden = self.from_features(features) + of_labels(self.from_semantics, semantics, labels)
        return self.score(hidden)

    def score(self, preactivation: Tensor) -> Tensor:
        """Scores ``(n,)``, in float32 at least, from the hidden layer before its activation, ``(n, m)``."""
        return full(self.out(functional.leaky_relu(preactivation, SLOPE))).squeeze(1)


def synthesize(
    generator: Callable[[Tensor, Tensor, Tensor], Tensor], width: int, semantics: Tensor, noise: ClassNoise
) -> Tensor:
    """``(C, a)`` semantics and noise of ``width`` to features, the rows of one class together.

    ``generator`` takes noise, semantics and labels to features, as ``Generator`` does.
    """
    labels = torch.arange(len(semantics), device=semantics.device).repeat_interleave(noise.per_class)
    with torch.no_grad():
        return generator(noise.normal(width), semantics, labels)
