"""Bias-GZSL (Thong & Snoek, BMVC 2020), written plainly.

x is a feature, z its image among the semantics, s_k the semantics of the seen class k, T the temperature.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.bias_gzsl.method import BiasGzsl
from gzslbench_methods.layers import dropout
from gzslbench_methods.plain import Batches, iterations, step


class PlainBiasGzsl(BiasGzsl):
    """The network, stage and scores of ``BiasGzsl``, with the loss row by row."""

    def class_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-E log p(y | x), with p(k | x) = exp(cos(z, s_k) / T) / Σ_j exp(cos(z, s_j) / T)."""
        first, second, last = self.projection
        hidden = dropout(torch.relu(first(batch.features)), self.params.dropout, batch)
        losses = []
        for z, y in zip(last(torch.relu(second(hidden))), batch.labels.tolist(), strict=True):
            cosines = torch.stack([(z @ s) / (z.norm() * s.norm()) for s in self.semantics])
            chances = torch.exp(cosines / self.params.temperature)
            losses.append(-torch.log(chances[y] / chances.sum()))
        return {"class": torch.stack(losses).mean()}


def train(method: PlainBiasGzsl, view: TrainView, batches: Batches) -> None:
    """Train by SGD with Nesterov's momentum; the learning rate follows half a cosine."""
    p = method.params
    sgd = torch.optim.SGD(
        method.modules.parameters(), p.lr, p.momentum, weight_decay=p.weight_decay, nesterov=True
    )
    stream = batches("projection")
    for epoch in range(p.epochs):
        place = epoch + 1 if p.variant == "reference" else epoch
        for group in sgd.param_groups:
            group["lr"] = p.lr * (1 + math.cos(math.pi * place / p.epochs)) / 2
        for _ in range(iterations(view, p.batch_size)):
            step(sgd, method.class_loss(next(stream)))
