"""EGZSL (Chen et al., IJCAI 2024): ZLAP's head, which evolves on the stream of rows that it classifies."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench_methods.heads.egzsl import EgzslParams
from gzslbench_methods.heads.zlap.head import PrototypeNetwork, Prototypes, Zlap, cosine_logits


def select_rows(
    probabilities: Tensor, usual: Tensor, decay: float, threshold: float, starts: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Select the rows that are sure enough for their own predicted class.

    Args:
        probabilities: ``(B, K)`` of each row.
        usual: ``(K,)``, a class's moving average of the probability of rows that were predicted to be of it.
        decay: Share of ``usual`` that the batch leaves.
        threshold: A row is selected above this share of ``usual``.
        starts: ``(K,)`` bool, the classes whose average starts with this batch.

    Returns:
        ``(B,)`` bool, the selected rows; ``(B,)`` predicted classes; the new ``usual``.
    """
    surest, labels = probabilities.max(1)
    counts = torch.bincount(labels, minlength=len(usual))
    means = torch.zeros_like(usual).index_add(0, labels, surest) / counts.clamp(min=1)
    moved = torch.where(starts, means, decay * usual + (1 - decay) * means)
    usual = torch.where(counts > 0, moved, usual)
    return surest > threshold * usual[labels], labels, usual


def evolution_loss(logits: Tensor, averaged: Tensor, labels: Tensor, kl_weight: float) -> Tensor:
    """Cross-entropy among the classes of the batch, and the divergence from the averaged network.

    Args:
        logits: ``(B, K)``.
        averaged: ``(B, K)`` logits of the averaged network.
        labels: ``(B,)`` predicted classes.
        kl_weight: Weight of KL(averaged, network) over all classes.
    """
    present = torch.zeros(logits.shape[1], dtype=torch.bool, device=logits.device)
    present[labels] = True
    among = logits.masked_fill(~present, -torch.inf)
    divergence = functional.kl_div(logits.log_softmax(1), averaged.softmax(1), reduction="batchmean")
    return functional.cross_entropy(among, labels) + kl_weight * divergence


@dataclass(frozen=True, eq=False)
class EvolvingPrototypes(Prototypes):
    """Prototypes whose network can evolve along a stream."""

    network: PrototypeNetwork
    params: EgzslParams

    def evolve(self, generator: torch.Generator) -> Evolution:
        """Return a copy that learns; it draws no random numbers."""
        return Evolution(deepcopy(self.network), self.params)


class Evolution:
    """A prototype network on a stream; a ``gzslbench.plugins.Evolving``."""

    def __init__(self, network: PrototypeNetwork, params: EgzslParams) -> None:
        self.network, self.averaged = network, deepcopy(network)
        self.params = params
        self.batch_size = params.stream_rows
        betas = (params.stream_beta1, 0.999)
        self.adam = torch.optim.Adam(network.parameters, params.stream_lr, betas)
        semantics = network.semantics
        self.usual = torch.zeros(len(semantics), device=semantics.device)
        self.starts = torch.ones(len(semantics), dtype=torch.bool, device=semantics.device)

    def scores(self, features: Tensor) -> Tensor:
        """``(B, e)`` features to ``(B, K)`` logits."""
        return cosine_logits(features, self.network.prototypes(), self.params.temperature)

    def learn(self, features: Tensor) -> None:
        """Take one step on the rows that are selected, with their predicted classes."""
        params, prototypes = self.params, self.network.prototypes()
        with torch.no_grad():
            chances = cosine_logits(features, prototypes, params.temperature).softmax(1)
            chosen, labels, self.usual = select_rows(
                chances, self.usual, params.usual_decay, params.threshold, self.starts
            )
            if params.variant == "clean":
                self.starts[labels] = False
            else:
                self.starts.zero_()
            rows, labels = features[chosen], labels[chosen]
            averaged = cosine_logits(rows, self.averaged.prototypes(), params.temperature)
        if len(rows):
            logits = cosine_logits(rows, prototypes, params.temperature)
            loss = evolution_loss(logits, averaged, labels, params.kl_weight)
            self.adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.adam.step()
        with torch.no_grad():
            for mean, value in zip(self.averaged.parameters, self.network.parameters, strict=True):
                mean.lerp_(value, 1 - params.average_decay)


class Egzsl(Zlap):
    """ZLAP's head, fitted as that is, which evolves when it is tested."""

    params: EgzslParams

    def fitted(self, network: PrototypeNetwork) -> EvolvingPrototypes:
        """Return the head of a network as it is."""
        prototypes = network.prototypes().detach()
        return EvolvingPrototypes(prototypes, self.params.temperature, network, self.params)
