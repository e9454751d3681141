"""The bias-aware head (Thong & Snoek, BMVC 2020): cosines over a temperature, and entropies with a margin."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench.computing.seeds import PermutationSampler
from gzslbench.plugins import HeadData, HeadSettings
from gzslbench_methods.bias_gzsl.method import cosine_factor, cosine_logits
from gzslbench_methods.heads.bias_aware import BiasAwareParams

Layers = list[tuple[Tensor, Tensor]]


def entropies(logits: Tensor, classes: Tensor) -> Tensor:
    """``(n, K)`` logits to ``(n,)`` sums of -p log p over the ``(K,)`` bool classes, with p over all."""
    log_chances = logits.log_softmax(1)
    return -(log_chances.exp() * log_chances * classes).sum(1)


def bias_terms(logits: Tensor, labels: Tensor, seen: Tensor, margin: float) -> Tensor:
    """Return the sum of two hinges, for the seen classes and for the unseen ones.

    The entropy over one group of classes should be larger, by the margin, for rows of the other group. Both
    entropies are means over rows of the batch; a mean without rows is 0, as published.

    Args:
        logits: ``(B, K)``.
        labels: ``(B,)`` in 0..K-1.
        seen: ``(K,)`` bool.
        margin: In nats.
    """
    of_seen = seen[labels].to(logits.dtype)
    total = logits.new_zeros(())
    for classes, own in ((seen, of_seen), (~seen, 1 - of_seen)):
        entropy = entropies(logits, classes)
        inside = (entropy * own).sum() / own.sum().clamp(min=1)
        outside = (entropy * (1 - own)).sum() / (1 - own).sum().clamp(min=1)
        total = total + torch.relu(margin + inside - outside)
    return total


def project(features: Tensor, layers: Layers, rate: float = 0.0, keys: Tensor | None = None) -> Tensor:
    """``(n, e)`` features to ``(n, a)``; hidden units whose key in [0, 1) is below ``rate`` drop out."""
    first, second, last = layers
    hidden = torch.relu(functional.linear(features, *first))
    if keys is not None:
        hidden = hidden * ((keys >= rate).to(hidden.dtype) / (1 - rate))
    return functional.linear(torch.relu(functional.linear(hidden, *second)), *last)


@dataclass(frozen=True, eq=False)
class Projection:
    """A row belongs to the class whose semantics have the highest cosine with its projection."""

    layers: Layers
    semantics: Tensor
    temperature: float

    def scores(self, features: Tensor) -> Tensor:
        """``(n, e)`` features to ``(n, K)`` probabilities, which calibration shifts."""
        return cosine_logits(project(features, self.layers), self.semantics, self.temperature).softmax(1)


class BiasAware:
    """The head; a ``gzslbench.plugins.head.Head``."""

    def __init__(self, params: BiasAwareParams) -> None:
        self.params = params

    def settings(self, of_method: HeadSettings) -> HeadSettings:
        """One head for both settings, restricted for T1."""
        params = self.params
        return replace(
            of_method,
            per_class=params.per_class or of_method.per_class,
            batch_size=params.batch_size,
            epochs=params.epochs,
            zsl_epochs=0,
            lr=params.lr,
        )

    def fit(
        self, rows: HeadData, settings: HeadSettings, epochs: int, generator: torch.Generator, graphs: bool
    ) -> Iterator[Projection]:
        """Fit three layers by SGD; yields them after each of ``epochs`` passes."""
        params, device = self.params, rows.labels.device
        batch_size = min(settings.batch_size, len(rows.labels))
        widths = (rows.features.shape[1], 2 * params.hidden, params.hidden, rows.semantics.shape[1])
        layers = [_layer(one, other, generator) for one, other in pairwise(widths)]
        sgd = torch.optim.SGD(
            [tensor for layer in layers for tensor in layer],
            settings.lr,
            params.momentum,
            weight_decay=params.weight_decay,
            nesterov=True,
        )
        permutations = PermutationSampler(len(rows.labels), generator, device)
        for epoch in range(epochs):
            for group in sgd.param_groups:
                factor = cosine_factor(epoch, settings.epochs, 1) if params.decay else 1.0
                group["lr"] = settings.lr * factor
            for _ in range(math.ceil(len(rows.labels) / batch_size)):
                batch = permutations.next(batch_size)
                keys = torch.rand(batch_size, widths[1], generator=generator, device=device)
                with torch.enable_grad():
                    projected = project(rows.features[batch], layers, params.dropout, keys)
                    logits = cosine_logits(projected, rows.semantics, params.temperature)
                    loss = functional.cross_entropy(logits, rows.labels[batch])
                    if params.entropy_weight and rows.seen.any() and not rows.seen.all():
                        terms = bias_terms(logits, rows.labels[batch], rows.seen, params.margin)
                        loss = loss + params.entropy_weight * terms
                sgd.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                sgd.step()
            fixed = [(weight.detach(), bias.detach()) for weight, bias in layers]
            yield Projection(fixed, rows.semantics, params.temperature)


def _layer(inputs: int, outputs: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Make a weight and a bias as torch's linear layers start: uniform within 1 / sqrt(inputs)."""
    bound = 1 / math.sqrt(inputs)
    weight, bias = (
        torch.empty(*shape, device=generator.device).uniform_(-bound, bound, generator=generator)
        for shape in ((outputs, inputs), (outputs,))
    )
    return weight.requires_grad_(), bias.requires_grad_()
