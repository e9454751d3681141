"""SJE (Akata et al., CVPR 2015), written plainly.

θ(x) is a feature, y its class, φ(y) the semantics of y, and F(x, y; W) = θ(x)ᵀ W φ(y) their compatibility.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.plain import Batches, compatibility, iterations, map_feature, step
from gzslbench_methods.sje import Sje


class PlainSje(Sje):
    """The map, stage and scores of ``Sje``, with the loss as the paper writes it."""

    def hinge_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Σ over rows of max over classes n of Δ(y, n) + F(x, n; W) - F(x, y; W).

        Δ(y, n) is 0 for n = y, and ``margin`` otherwise. n = y makes the maximum 0 at least.
        """
        total = torch.zeros_like(batch.features[0, 0])
        for x, y in zip(batch.features, batch.labels.tolist(), strict=True):
            found = self.search_class(x, y)
            distance = 0.0 if found == y else self.params.margin
            other = compatibility(self.compatibility, x, self.semantics[found])
            own = compatibility(self.compatibility, x, self.semantics[y])
            total = total + (distance + other - own)
        return {"structured": total}

    def search_class(self, x: Tensor, y: int) -> int:
        """Return the n of the maximum.

        ``search`` = scaled looks for it with θ(x)ᵀ W at mean 0 and deviation 1. The maximum of the scaled
        scores need not be that of F, so the term of a row may then be negative.
        """
        image = map_feature(self.compatibility, x).detach()
        if self.params.search == "scaled":
            centred = image - image.mean()
            deviation = torch.sqrt((centred**2).mean())
            image = centred / deviation if deviation > 0 else centred
        found, largest = y, 0.0
        for n in range(len(self.semantics)):
            violation = self.params.margin + float(image @ self.semantics[n] - image @ self.semantics[y])
            if n != y and violation > largest:
                found, largest = n, violation
        return found


def train(method: PlainSje, view: TrainView, batches: Batches) -> None:
    """Train by stochastic gradient descent."""
    p = method.params
    descent = torch.optim.SGD(method.compatibility.parameters(), p.lr)
    stream = batches("hinges")
    for _ in range(p.epochs * iterations(view, p.batch_size)):
        step(descent, method.hinge_loss(next(stream)))
