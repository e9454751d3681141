"""CNZSL (Skorokhodov & Elhoseiny, ICLR 2021): prototypes from semantics, with class normalization."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Adam, Batch, Phase, Stage, TrainView
from gzslbench_methods.cnzsl import CnzslParams
from gzslbench_methods.layers import to_float32

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
            return (units - self.mean) * (self.variance + _EPSILON).pow(-self.power)
        mean = units.mean(0)
        apart = units - mean
        # torch's own variance of columns takes ten times as long on a CPU.
        variance = apart.square().sum(0) / max(1, len(units) - 1)
        with torch.no_grad():
            self.mean.lerp_(mean.to(self.mean), _MOMENTUM)
            self.variance.lerp_(variance.to(self.variance), _MOMENTUM)
        return apart * (variance + _EPSILON).pow(-self.power)


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


def scaled_cosines(features: Tensor, prototypes: Tensor, scale: float) -> Tensor:
    """``(n, C)`` inner products of features and prototypes, both brought to length ``scale``.

    The normalize + scale trick of Skorokhodov & Elhoseiny 2021.
    """
    one, other = (functional.normalize(to_float32(rows), dim=1) for rows in (features, prototypes))
    return scale**2 * (one @ other.t())


def class_loss(features: Tensor, prototypes: Tensor, labels: Tensor, scale: float) -> Tensor:
    """Softmax cross-entropy over the seen classes.

    Args:
        features: ``(B, d)``.
        prototypes: ``(C, d)`` of the seen classes.
        labels: ``(B,)`` in 0..C-1.
        scale: As in ``scaled_cosines``.
    """
    return functional.cross_entropy(scaled_cosines(features, prototypes, scale), labels)


class Cnzsl:
    """A network from semantics to prototypes, trained to classify the seen classes' features by cosine."""

    def __init__(self, view: TrainView, params: CnzslParams) -> None:
        self.params = params
        self.semantics = view.semantics
        self.prototypes = PrototypeNetwork(
            view.semantics.shape[1], params.hidden, view.features.shape[1], params.normalization
        )
        self.modules = nn.ModuleDict({"prototypes": self.prototypes})

    def stages(self) -> tuple[Stage]:
        """One stage of passes over the rows."""
        params = self.params
        adam = Adam(params.lr, weight_decay=params.weight_decay)
        phase = Phase("prototypes", self.prototype_loss, updates=("prototypes",), optimizer=adam)
        return (
            Stage("prototypes", params.epochs, params.batch_size, (phase,), self._decay, sampling="pass"),
        )

    def prototype_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Each row among the prototypes of all seen classes."""
        prototypes = self.prototypes(self.semantics)
        return {"class": class_loss(batch.features, prototypes, batch.labels, self.params.scale)}

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """Scaled cosines; those of classes with the semantics of a seen one times ``seen_factor``."""
        scores = scaled_cosines(features, self.prototypes(semantics), self.params.scale)
        seen = (semantics[:, None] == self.semantics).all(-1).any(1)
        return scores * torch.where(seen, self.params.seen_factor, 1.0)

    def _decay(self, epoch: int) -> float:
        return self.params.lr_decay_rate ** (epoch // self.params.lr_decay_epoch)
