"""EGZSL's evolution (Chen et al., IJCAI 2024), written plainly.

x is a row of the stream, p_k the prototype of class k, τ the temperature, δ_k the usual probability of class
k, p̄ the prototypes of the averaged network.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench_methods.heads.egzsl import EgzslParams
from gzslbench_methods.heads.zlap.head import PrototypeNetwork


class PlainEvolution:
    """One network on a stream, row after row and class after class."""

    def __init__(self, network: PrototypeNetwork, averaged: PrototypeNetwork, params: EgzslParams) -> None:
        self.network, self.averaged, self.params = network, averaged, params
        self.adam = torch.optim.Adam(
            network.parameters, lr=params.stream_lr, betas=(params.stream_beta1, 0.999)
        )
        self.usual: dict[int, float] = {}
        self.batches = 0

    def scores(self, x: Tensor, network: PrototypeNetwork | None = None) -> Tensor:
        """cos(x, p_k) / τ, ``(K,)``, of one row ``(e,)``."""
        prototypes = (network or self.network).prototypes()
        return (
            torch.stack([torch.cosine_similarity(x, p, dim=0) for p in prototypes]) / self.params.temperature
        )

    def learn(self, batch: Tensor) -> None:
        """One step on the selected rows, then one of the average."""
        selected = self.select(batch)
        if selected:
            loss = self.loss(selected)
            self.adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.adam.step()
        decay = self.params.average_decay
        with torch.no_grad():
            for mean, value in zip(self.averaged.parameters, self.network.parameters, strict=True):
                mean.copy_(decay * mean + (1 - decay) * value)

    def select(self, batch: Tensor) -> list[tuple[Tensor, int]]:
        """Pairs of x and its class k = argmax P(k|x), where P(k|x) > threshold · δ_k.

        δ_k is the mean of P(k|x) over the rows of class k in the first batch, and m2 δ_k + (1 - m2) times
        that mean afterwards; without rows it stays.
        """
        rows = []
        for x in batch:
            chances = torch.softmax(self.scores(x).detach(), dim=0)
            rows.append((x, int(chances.argmax()), float(chances.max())))
        for k in {k for _, k, _ in rows}:
            own = [chance for _, label, chance in rows if label == k]
            mean, decay = sum(own) / len(own), self.params.usual_decay
            first = self.batches == 0 if self.params.variant == "reference" else k not in self.usual
            self.usual[k] = mean if first else decay * self.usual.get(k, 0.0) + (1 - decay) * mean
        self.batches += 1
        return [(x, k) for x, k, chance in rows if chance > self.params.threshold * self.usual[k]]

    def loss(self, selected: list[tuple[Tensor, int]]) -> Tensor:
        """E -log softmax over the classes of the batch, at k, + weight · E KL(P̄(·|x) ‖ P(·|x))."""
        classes = sorted({k for _, k in selected})
        surprises, divergences = [], []
        for x, k in selected:
            scores = self.scores(x)
            among = torch.stack([scores[one] for one in classes])
            surprises.append(-torch.log_softmax(among, dim=0)[classes.index(k)])
            mean = torch.softmax(self.scores(x, self.averaged).detach(), dim=0)
            divergences.append((mean * (mean.log() - torch.log_softmax(scores, dim=0))).sum())
        divergence = torch.stack(divergences).mean()
        return torch.stack(surprises).mean() + self.params.kl_weight * divergence
