"""One iteration of CE-GZSL as published: batches gathered on the host, critic steps, one generator step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gzslbench.computing.device import autocast
from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.published import losses
from gzslbench_benchmarks.speed.published.batches import RandomBatches
from gzslbench_benchmarks.speed.published.networks import Embedding, Generator, PairNetwork
from gzslbench_benchmarks.speed.shapes import Shape

LAMBDA, TEMPERATURE = 10.0, 0.1


class PublishedCeGzsl:
    """Networks and optimizers of the published program; ``iterate`` does its inner loop once."""

    def __init__(self, shape: Shape, conditions: Conditions, class_scores: losses.ClassScores) -> None:
        view = shape.train_view(conditions.device)
        self.shape, self.conditions, self.class_scores = shape, conditions, class_scores
        self.semantics = view.semantics
        self.batches = RandomBatches(view, shape.batch)
        self.generator = Generator(shape.noise, shape.semantics, shape.generator, shape.features)
        self.critic = PairNetwork(shape.features, shape.semantics, shape.critic)
        self.embedding = Embedding(shape.features, shape.embedding, shape.projection)
        self.comparator = PairNetwork(shape.embedding, shape.semantics, shape.comparator)
        self.critics = torch.nn.ModuleList([self.critic, self.embedding, self.comparator])
        self.generator.to(conditions.device)
        self.critics.to(conditions.device)
        adam: dict[str, Any] = {"lr": shape.lr, "betas": (0.5, 0.999)}
        self.critic_adam = torch.optim.Adam(self.critics.parameters(), **adam)
        self.generator_adam = torch.optim.Adam(self.generator.parameters(), **adam)

    def iterate(self) -> None:
        """The critic steps, then a generator step on the last critic batch.

        The comparator's gradients are never zeroed in between, as they are not within a published epoch.
        """
        size, device = (self.shape.batch, self.shape.noise), self.conditions.device
        self.generator.requires_grad_(False)
        self.critics.requires_grad_(True)
        for _ in range(self.shape.critic_steps):
            batch = self.batches.draw()
            self.critic.zero_grad()
            self.embedding.zero_grad()
            noise, mix = torch.randn(size, device=device), torch.rand(size[0], 1, device=device)
            with autocast(device, self.conditions.precision):
                terms = self.critic_terms(*batch, noise, mix)
            self._backward(terms)
            self.critic_adam.step()
        self.generator.requires_grad_(True)
        self.critics.requires_grad_(False)
        self.generator.zero_grad()
        with autocast(device, self.conditions.precision):
            terms = self.generator_terms(*batch, torch.randn(size, device=device))
        self._backward(terms)
        self.generator_adam.step()

    def critic_terms(
        self, features: Tensor, labels: Tensor, semantics: Tensor, noise: Tensor, mix: Tensor
    ) -> dict[str, Tensor]:
        """What critic, embedding and comparator minimize together."""
        hidden, z = self.embedding(features)
        real = self.critic(features, semantics).mean()
        fakes = self.generator(noise, semantics).detach()
        fake = self.critic(fakes, semantics).mean()
        return {
            "critic": fake - real,
            "penalty": losses.gradient_penalty(self.critic, features, fakes, semantics, mix, LAMBDA),
            "instance": losses.instance_loss(z, labels, TEMPERATURE),
            "class": self._class_loss(hidden, labels),
        }

    def generator_terms(
        self, features: Tensor, labels: Tensor, semantics: Tensor, noise: Tensor
    ) -> dict[str, Tensor]:
        """What the generator minimizes."""
        _, z_real = self.embedding(features)
        fakes = self.generator(noise, semantics)
        hidden, z = self.embedding(fakes)
        both = torch.cat([z, z_real.detach()])
        return {
            "generator": -self.critic(fakes, semantics).mean(),
            "fake_instance": self.shape.weight * losses.instance_loss(both, labels.repeat(2), TEMPERATURE),
            "fake_class": self.shape.weight * self._class_loss(hidden, labels),
        }

    def _class_loss(self, hidden: Tensor, labels: Tensor) -> Tensor:
        scores = self.class_scores(self.comparator, hidden, self.semantics)
        return losses.class_loss(scores, labels, TEMPERATURE)

    def _backward(self, terms: dict[str, Tensor]) -> None:
        total: Any = sum(terms.values())
        total.backward()
        self.logged = {name: term.item() for name, term in terms.items()}


def loop_iteration(shape: Shape, conditions: Conditions) -> Program:
    """An iteration whose class scores loop over the samples."""
    return conditions.at_precision(PublishedCeGzsl(shape, conditions, losses.loop_scores).iterate)


def pair_matrix_iteration(shape: Shape, conditions: Conditions) -> Program:
    """An iteration whose class scores read the matrix of all pairs."""
    return conditions.at_precision(PublishedCeGzsl(shape, conditions, losses.pair_matrix_scores).iterate)
