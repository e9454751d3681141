"""Bias-GZSL (Thong & Snoek, BMVC 2020), without a generator: features are mapped to semantics."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Batch, Phase, Stage, TorchOptimizer, TrainView
from gzslbench_methods.bias_gzsl import BiasGzslParams
from gzslbench_methods.layers import dropout, to_float32


def cosine_logits(projected: Tensor, semantics: Tensor, temperature: float) -> Tensor:
    """``(n, a)`` projected features and ``(C, a)`` semantics to ``(n, C)`` cosines over the temperature."""
    one, other = (functional.normalize(to_float32(rows), dim=1) for rows in (projected, semantics))
    return one @ other.t() / temperature


def cosine_factor(epoch: int, epochs: int, ahead: int) -> float:
    """Return the factor of the learning rate in an epoch (from 0): half a cosine from 1 to 0.

    ``ahead``: 1 starts one epoch further, so that the last epoch has a factor of 0.
    """
    return (1 + math.cos(math.pi * (epoch + ahead) / epochs)) / 2


class BiasGzsl:
    """Three layers from the features to the semantics, trained on seen rows only."""

    def __init__(self, view: TrainView, params: BiasGzslParams) -> None:
        self.params = params
        self.semantics = view.semantics
        widths = (view.features.shape[1], 2 * params.hidden, params.hidden, view.semantics.shape[1])
        self.projection = nn.ModuleList(nn.Linear(one, other) for one, other in pairwise(widths))
        self.modules = nn.ModuleDict({"projection": self.projection})

    def stages(self) -> tuple[Stage]:
        """One stage of passes over the rows, with a learning rate that follows a cosine."""
        params = self.params
        options = {
            "momentum": params.momentum,
            "nesterov": True,
            "weight_decay": params.weight_decay,
        }
        sgd = TorchOptimizer("SGD", params.lr, options)
        phase = Phase("projection", self.class_loss, ("projection",), sgd)
        return (
            Stage(
                "projection",
                params.epochs,
                params.batch_size,
                (phase,),
                lambda epoch: cosine_factor(epoch, params.epochs, int(params.variant == "reference")),
                sampling="pass",
            ),
        )

    def class_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Softmax cross-entropy over the seen classes."""
        projected = self.project(batch.features, batch)
        logits = cosine_logits(projected, self.semantics, self.params.temperature)
        return {"class": functional.cross_entropy(logits, batch.labels)}

    def project(self, features: Tensor, batch: Batch | None = None) -> Tensor:
        """``(n, d)`` features to their ``(n, a)`` images; units drop out while a batch trains."""
        first, second, last = self.projection
        hidden = dropout(torch.relu(first(features)), self.params.dropout, batch)
        projected: Tensor = last(torch.relu(second(hidden)))
        return projected

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """Probabilities of the ``(C, a)`` classes for ``(n, d)`` features, which calibration shifts."""
        return cosine_logits(self.project(features), semantics, self.params.temperature).softmax(1)
