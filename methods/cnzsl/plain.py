"""CNZSL (Skorokhodov & Elhoseiny, ICLR 2021), written plainly.

x is a feature, y its class, a the semantics of a class and p = P(a) its prototype, computed for all K seen
classes together, because class normalization takes means over them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.cnzsl.method import ClassNormalization, Cnzsl
from gzslbench_methods.plain import Batches, iterations, step


class PlainCnzsl(Cnzsl):
    """The network, stage and scores of ``Cnzsl``, with the loss as the paper writes it."""

    def prototype_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-E log softmax(γ² cos(x, p_k))_y, the softmax over the seen classes k; γ is ``scale``."""
        prototypes = self.compute_prototypes(self.semantics)
        cosines = functional.normalize(batch.features, dim=1) @ functional.normalize(prototypes, dim=1).t()
        log_probabilities = torch.log_softmax(self.params.scale**2 * cosines, dim=1)
        return {"class": functional.nll_loss(log_probabilities, batch.labels)}

    def compute_prototypes(self, semantics: Tensor) -> Tensor:
        """P(a) = ReLU(W3 CN(ReLU(CN(W2 ReLU(W1 a + b1) + b2))) + b3), of semantics of length sqrt(d_a)."""
        first, _, second, norm, _, last_norm, out, _ = self.prototypes.layers
        a = math.sqrt(semantics.shape[1]) * functional.normalize(semantics, dim=1)
        hidden = second(torch.relu(first(a)))
        hidden = torch.relu(self.normalize(norm, hidden))
        return torch.relu(out(self.normalize(last_norm, hidden)))

    def normalize(self, layer: torch.nn.Module, h: Tensor) -> Tensor:
        """CN(h) = (h - μ) / σ, each unit by its mean μ and deviation σ over the K classes.

        σ² = Σ (h - μ)² / (K - 1). ``normalization`` = variance divides by σ² instead of σ, and = none
        leaves h as it is. The running μ and σ², for the evaluation, move by a tenth.
        """
        if not isinstance(layer, ClassNormalization):
            return h
        mu = h.mean(dim=0)
        variance = ((h - mu) ** 2).sum(dim=0) / max(1, len(h) - 1)
        layer.mean.copy_(0.9 * layer.mean + 0.1 * mu.detach())
        layer.variance.copy_(0.9 * layer.variance + 0.1 * variance.detach())
        if self.params.normalization == "variance":
            return (h - mu) / (variance + 1e-5)
        return (h - mu) / torch.sqrt(variance + 1e-5)


def train(method: PlainCnzsl, view: TrainView, batches: Batches) -> None:
    """Train by Adam, whose rate is multiplied by ``lr_decay_rate`` after every ``lr_decay_epoch`` epochs."""
    p = method.params
    adam = torch.optim.Adam(method.prototypes.parameters(), p.lr, weight_decay=p.weight_decay)
    decay = torch.optim.lr_scheduler.StepLR(adam, p.lr_decay_epoch, p.lr_decay_rate)
    stream = batches("prototypes")
    for _ in range(p.epochs):
        for _ in range(iterations(view, p.batch_size)):
            step(adam, method.prototype_loss(next(stream)))
        decay.step()
