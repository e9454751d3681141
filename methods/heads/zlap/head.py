"""ZLAP (Chen et al., IJCAI 2022): prototypes made from semantics, fitted with adjusted logits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench.computing.seeds import PermutationSampler
from gzslbench.plugins import HeadData, HeadSettings
from gzslbench_methods.heads.zlap import ZlapParams
from gzslbench_methods.layers import SLOPE


def cosine_logits(features: Tensor, prototypes: Tensor, temperature: float) -> Tensor:
    """``(n, e)`` features and ``(K, e)`` prototypes to ``(n, K)`` cosines over the temperature."""
    return functional.normalize(features, dim=1) @ functional.normalize(prototypes, dim=1).t() / temperature


def log_priors(labels: Tensor, seen: Tensor, seen_ratio: float) -> Tensor:
    """``(K,)`` log p(class | its group) + log p(group), for the groups of seen and of unseen classes.

    Within a group a class is as probable as it is frequent among the labels, one without rows as one with a
    single row; the groups' probabilities have the ratio ``seen_ratio``. Without classes of one group, the
    other has probability 1 (Chen et al. 2022).

    Args:
        labels: ``(n,)`` in 0..K-1.
        seen: ``(K,)`` bool.
        seen_ratio: p(seen) / p(unseen), above 0.
    """
    counts = torch.bincount(labels, minlength=len(seen)).clamp(min=1).double()
    share = counts / torch.where(seen, counts[seen].sum(), counts[~seen].sum())
    if seen.all() or not seen.any():
        return share.log()
    return (share * torch.where(seen, seen_ratio / (1 + seen_ratio), 1 / (1 + seen_ratio))).log()


def adjusted_loss(logits: Tensor, priors: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of ``(B, K)`` logits with the ``(K,)`` log priors added to them."""
    return functional.cross_entropy(logits + priors, labels)


@dataclass(frozen=True, eq=False)
class Prototypes:
    """``(K, e)`` prototypes; a row belongs to the one of highest cosine; the priors no longer matter."""

    prototypes: Tensor
    temperature: float

    def scores(self, features: Tensor) -> Tensor:
        """``(n, e)`` features to ``(n, K)`` logits."""
        return cosine_logits(features, self.prototypes, self.temperature)


class Zlap:
    """The head; a ``gzslbench.plugins.head.Head``."""

    def __init__(self, params: ZlapParams) -> None:
        self.params = params

    def settings(self, of_method: HeadSettings) -> HeadSettings:
        """A few synthesized features a class; one head for both settings, restricted for T1."""
        params = self.params
        return replace(
            of_method,
            per_class=params.per_class,
            batch_size=params.batch_size,
            epochs=params.epochs,
            zsl_epochs=0,
            lr=params.lr,
            beta1=params.beta1,
        )

    def fit(
        self, rows: HeadData, settings: HeadSettings, epochs: int, generator: torch.Generator, graphs: bool
    ) -> Iterator[Prototypes]:
        """Fit a prototype network by Adam; yields its prototypes after each of ``epochs`` passes."""
        params, batch_size = self.params, min(settings.batch_size, len(rows.labels))
        network = PrototypeNetwork(rows.semantics, params.hidden, rows.features.shape[1], generator)
        priors = log_priors(rows.labels, rows.seen, params.seen_ratio).float()
        adam = torch.optim.Adam(
            network.parameters, settings.lr, (settings.beta1, 0.999), weight_decay=params.weight_decay
        )
        halved = torch.optim.lr_scheduler.StepLR(adam, params.lr_halved_at, gamma=0.5)
        permutations = PermutationSampler(len(rows.labels), generator, rows.labels.device)
        for _ in range(epochs):
            for _ in range(math.ceil(len(rows.labels) / batch_size)):
                batch = permutations.next(batch_size)
                with torch.enable_grad():
                    logits = cosine_logits(rows.features[batch], network.prototypes(), params.temperature)
                    loss = adjusted_loss(logits, priors, rows.labels[batch])
                adam.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                adam.step()
            halved.step()
            yield self.fitted(network)

    def fitted(self, network: PrototypeNetwork) -> Prototypes:
        """Return the head of a network as it is."""
        return Prototypes(network.prototypes().detach(), self.params.temperature)


class PrototypeNetwork:
    """``(K, a)`` semantics -> hidden, LeakyReLU -> ``(K, e)`` prototypes.

    A ReLU after the second layer leaves dead columns in the prototypes and costs about 15 points of H on FLO.
    """

    def __init__(self, semantics: Tensor, hidden: int, width: int, generator: torch.Generator) -> None:
        self.semantics = semantics
        self.first = _layer(semantics.shape[1], hidden, generator)
        self.second = _layer(hidden, width, generator)
        self.parameters = [*self.first, *self.second]

    def prototypes(self) -> Tensor:
        """Return the ``(K, e)`` prototypes."""
        hidden = functional.leaky_relu(functional.linear(self.semantics, *self.first), SLOPE)
        return functional.linear(hidden, *self.second)


def _layer(inputs: int, outputs: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Make a weight from N(0, 0.02) and a zero bias, as published."""
    weight = torch.empty(outputs, inputs, device=generator.device).normal_(0.0, 0.02, generator=generator)
    return weight.requires_grad_(), torch.zeros(outputs, device=generator.device, requires_grad=True)
