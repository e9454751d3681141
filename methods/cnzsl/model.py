"""The network from semantics to prototypes, its hidden units normalized over the classes."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_EPSILON = 1e-5
_MOMENTUM = 0.1


class ClassNormalization(nn.Module):
    """Each hidden unit shifted to mean 0 over the classes, and scaled (Skorokhodov & Elhoseiny 2021).

    While it trains, by the mean and variance over the classes it is given; in evaluation, by running ones.
    """

    def __init__(self, units: int, power: float) -> None:
        """``power``: Of the variance that is divided by: 1/2 for the deviation, 1 for the variance itself."""
        super().__init__()
        self.power = power
        self.mean: Tensor
        self.variance: Tensor
        self.register_buffer("mean", torch.zeros(units))
        self.register_buffer("variance", torch.ones(units))

    def forward(self, units: Tensor) -> Tensor:
        """``(C, units)`` to the same, normalized."""
        if not self.training:
            return self._normalized(units, self.mean, self.variance)
        mean, variance = units.mean(0), units.var(0, correction=1 if len(units) > 1 else 0)
        with torch.no_grad():
            self.mean.lerp_(mean.to(self.mean), _MOMENTUM)
            self.variance.lerp_(variance.to(self.variance), _MOMENTUM)
        return self._normalized(units, mean, variance)

    def _normalized(self, units: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        return (units - mean) / (variance + _EPSILON).pow(self.power)


class PrototypeNetwork(nn.Module):
    """``(C, a)`` semantics to ``(C, d)`` prototypes >= 0 in the space of the features."""

    def __init__(self, semantics: int, hidden: int, features: int, normalization: str) -> None:
        super().__init__()

        def normalized() -> nn.Module:
            if normalization == "none":
                return nn.Identity()
            return ClassNormalization(hidden, {"variance": 1.0, "deviation": 0.5}[normalization])

        out = nn.Linear(hidden, features)
        bound = math.sqrt(3 / (hidden * features))  # so that the prototypes vary as the features do
        nn.init.uniform_(out.weight, -bound, bound)
        self.layers = nn.Sequential(
            nn.Linear(semantics, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            normalized(),
            nn.ReLU(),
            normalized(),
            out,
            nn.ReLU(),
        )

    def forward(self, semantics: Tensor) -> Tensor:
        """Of semantics brought to the length sqrt(a)."""
        length = math.sqrt(semantics.shape[1])
        scaled = length * nn.functional.normalize(semantics, dim=1)
        prototypes: Tensor = self.layers(scaled)
        return prototypes
