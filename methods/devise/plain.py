"""DeViSE (Frome et al., NIPS 2013), written plainly.

x is a feature, y its class, t_y the semantics of y and M the linear map, so t_yᵀ M x scores y.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.devise import Devise
from gzslbench_methods.plain import Batches, compatibility, iterations, step


class PlainDevise(Devise):
    """The map, stage and scores of ``Devise``, with the loss as the paper writes it."""

    def hinge_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Σ over rows and classes j ≠ y of max(0, margin - t_yᵀ M x + t_jᵀ M x).

        ``terms`` = first cuts a row's sum short after the first class that violates the margin.
        """
        total = torch.zeros_like(batch.features[0, 0])
        for x, y in zip(batch.features, batch.labels.tolist(), strict=True):
            own = compatibility(self.compatibility, x, self.semantics[y])
            for j in range(len(self.semantics)):
                if j == y:
                    continue
                other = compatibility(self.compatibility, x, self.semantics[j])
                hinge = torch.relu(self.params.margin - own + other)
                total = total + hinge
                if self.params.terms == "first" and hinge > 0:
                    break
        return {"rank": total}


def train(method: PlainDevise, view: TrainView, batches: Batches) -> None:
    """Train by stochastic gradient descent."""
    p = method.params
    descent = torch.optim.SGD(method.compatibility.parameters(), p.lr)
    stream = batches("hinges")
    for _ in range(p.epochs * iterations(view, p.batch_size)):
        step(descent, method.hinge_loss(next(stream)))
