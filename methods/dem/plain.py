"""DEM (Zhang et al., CVPR 2017), written plainly.

x is a feature, y the semantics of its class, W1 and W2 the two layers, f the ReLU.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.dem import Dem
from gzslbench_methods.plain import Batches, iterations, step


class PlainDem(Dem):
    """The network, stage and scores of ``Dem``, with the loss as the paper writes it."""

    def embedding_loss(self, batch: Batch) -> dict[str, Tensor]:
        """E ‖x - f(W2 f(W1 y))‖² / d: the mean over the d columns, as in the published program.

        The semantics of each row are embedded. ``penalty`` is the paper's second term, which ``Dem``
        leaves to the weight decay of Adam.
        """
        first, _, second, _ = self.embedding
        y = self.semantics[batch.labels]
        embedded = torch.relu(second(torch.relu(first(y))))
        distances = ((batch.features - embedded) ** 2).sum(dim=1)
        return {"distance": distances.mean() / batch.features.shape[1]}

    def penalty(self) -> Tensor:
        """λ ½ (‖W1‖² + ‖W2‖²), of the biases as well, as in the published program; λ is ``weight_decay``."""
        squares = [(parameter**2).sum() for parameter in self.embedding.parameters()]
        return self.params.weight_decay * 0.5 * torch.stack(squares).sum()


def train(method: PlainDem, view: TrainView, batches: Batches) -> None:
    """Train by Adam on the distance and the penalty."""
    p = method.params
    adam = torch.optim.Adam(method.embedding.parameters(), p.lr)
    stream = batches("embedding")
    for _ in range(p.epochs * iterations(view, p.batch_size)):
        step(adam, {**method.embedding_loss(next(stream)), "penalty": method.penalty()})
