"""One epoch of f-CLSWGAN as published: batches gathered on the host, double backward for the penalty."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gzslbench.computing.device import autocast
from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.published import losses
from gzslbench_benchmarks.speed.published.batches import RandomBatches
from gzslbench_benchmarks.speed.published.networks import Generator, PairNetwork, initialise
from gzslbench_benchmarks.speed.shapes import Shape

LAMBDA = 10.0


class PublishedFClswgan:
    """Networks and optimizers of the published program; the seen-class classifier is frozen."""

    def __init__(self, shape: Shape, conditions: Conditions) -> None:
        self.shape, self.conditions = shape, conditions
        self.batches = RandomBatches(shape.train_view(conditions.device), shape.batch)
        self.generator = Generator(shape.noise, shape.semantics, shape.generator, shape.features)
        self.critic = PairNetwork(shape.features, shape.semantics, shape.critic)
        self.classifier = nn.Linear(shape.features, shape.classes)
        initialise(self.classifier)
        for network in (self.generator, self.critic, self.classifier):
            network.to(conditions.device)
        self.classifier.requires_grad_(False)
        self.cross_entropy = nn.CrossEntropyLoss()
        adam: dict[str, Any] = {"lr": shape.lr, "betas": (0.5, 0.999)}
        self.critic_adam = torch.optim.Adam(self.critic.parameters(), **adam)
        self.generator_adam = torch.optim.Adam(self.generator.parameters(), **adam)

    def epoch(self) -> None:
        """ceil(N / B) times the critic steps and a generator step."""
        for _ in range(0, self.shape.rows, self.shape.batch):
            self.iterate()

    def iterate(self) -> None:
        """The critic steps, then a generator step on the last critic batch."""
        size, device = (self.shape.batch, self.shape.noise), self.conditions.device
        self.critic.requires_grad_(True)
        self.generator.requires_grad_(False)
        for _ in range(self.shape.critic_steps):
            batch = self.batches.draw()
            self.critic.zero_grad()
            noise, mix = torch.randn(size, device=device), torch.rand(size[0], 1, device=device)
            with autocast(device, self.conditions.precision):
                terms = self.critic_terms(*batch, noise, mix)
            self._backward(terms)
            self.critic_adam.step()
        self.critic.requires_grad_(False)
        self.generator.requires_grad_(True)
        self.generator.zero_grad()
        with autocast(device, self.conditions.precision):
            terms = self.generator_terms(*batch, torch.randn(size, device=device))
        self._backward(terms)
        self.generator_adam.step()

    def critic_terms(
        self, features: Tensor, _labels: Tensor, semantics: Tensor, noise: Tensor, mix: Tensor
    ) -> dict[str, Tensor]:
        """What the critic minimizes."""
        real = self.critic(features, semantics).mean()
        fakes = self.generator(noise, semantics).detach()
        fake = self.critic(fakes, semantics).mean()
        penalty = losses.gradient_penalty(self.critic, features, fakes, semantics, mix, LAMBDA)
        return {"critic": fake - real, "penalty": penalty}

    def generator_terms(
        self, _features: Tensor, labels: Tensor, semantics: Tensor, noise: Tensor
    ) -> dict[str, Tensor]:
        """What the generator minimizes."""
        fakes = self.generator(noise, semantics)
        classified = self.cross_entropy(self.classifier(fakes), labels)
        score = self.critic(fakes, semantics).mean()
        return {"generator": -score, "fake_class": self.shape.weight * classified}

    def _backward(self, terms: dict[str, Tensor]) -> None:
        total: Any = sum(terms.values())
        total.backward()
        self.logged = {name: term.item() for name, term in terms.items()}


def epoch(shape: Shape, conditions: Conditions) -> Program:
    """An epoch of the published program."""
    return conditions.at_precision(PublishedFClswgan(shape, conditions).epoch)
