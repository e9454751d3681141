"""ALE (Akata et al., TPAMI 2016), written plainly.

θ(x) is a feature, y its class, φ(y) the semantics of y, and F(x, y; W) = θ(x)ᵀ W φ(y) their compatibility.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.ale import Ale
from gzslbench_methods.plain import Batches, compatibility, iterations, step


class PlainAle(Ale):
    """The map, stage and scores of ``Ale``, with the loss as the paper writes it."""

    def hinge_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Σ over rows of β_r / r Σ over classes n ≠ y of max(0, l(x, y, n)).

        l(x, y, n) = Δ + F(x, n; W) - F(x, y; W), where Δ is ``margin``. r is how many of them are above 0,
        and β_r = 1 + 1/2 + ... + 1/r.
        """
        total = torch.zeros_like(batch.features[0, 0])
        for x, y in zip(batch.features, batch.labels.tolist(), strict=True):
            own = compatibility(self.compatibility, x, self.semantics[y])
            row, r = torch.zeros_like(own), 0
            for n in range(len(self.semantics)):
                if n == y:
                    continue
                other = compatibility(self.compatibility, x, self.semantics[n])
                hinge = torch.relu(self.params.margin + other - own)
                row = row + hinge
                r += int(hinge > 0)
            beta = sum(1 / j for j in range(1, r + 1))
            total = total + beta / max(1, r) * row
        return {"ranking": total}


def train(method: PlainAle, view: TrainView, batches: Batches) -> None:
    """Train by stochastic gradient descent."""
    p = method.params
    descent = torch.optim.SGD(method.compatibility.parameters(), p.lr)
    stream = batches("hinges")
    for _ in range(p.epochs * iterations(view, p.batch_size)):
        step(descent, method.hinge_loss(next(stream)))
