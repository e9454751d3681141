"""E-PGN (Yu et al., CVPR 2020), written plainly.

x is a feature, a the semantics of its class y, f the network from semantics to prototypes, g the network from
features to semantics, D the discriminator, P the prototypes of the seen classes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.e_pgn.method import Epgn
from gzslbench_methods.layers import dropout
from gzslbench_methods.plain import Batches, step


class PlainEpgn(Epgn):
    """The networks, stage and scores of ``Epgn``, with the losses as they are defined."""

    def base_loss(self, batch: Batch) -> dict[str, Tensor]:
        """E (x - f(a))² + E (a - g(x))² - E log softmax(xᵀ P)_y - E log softmax(g(x)ᵀ A)_y."""
        x, a, y = batch.features, self.semantics[batch.labels], batch.labels
        inferred = self.infer(x, batch)
        prototypes = torch.stack([self.prototype(semantics) for semantics in self.semantics])
        return {
            "features": ((x - self.prototype(a)) ** 2).mean(),
            "semantics": ((a - inferred) ** 2).mean(),
            "class": surprise(x @ prototypes.t(), y),
            "class_by_semantics": surprise(inferred @ self.semantics.t(), y),
        }

    def discriminator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-E log D(x, a) - E log(1 - D(f(a), g(x))).

        D ends with a sigmoid (clean), or with a ReLU (reference); there D(x, a) and D(f(a), g(x)) are two
        networks, and the magnitude of a negative value is taken.
        """
        real, fake, _ = self.judge(batch)
        return {"real": -logarithm(real).mean(), "fake": -logarithm(1 - fake).mean()}

    def adversary_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-E log D(f(a), g(x)); with log E 1e-3 (‖x - f(a)‖² + log D(x, a)) in the reference."""
        real, fake, prototypes = self.judge(batch)
        terms = {"fake": -logarithm(fake).mean()}
        if self.params.variant == "reference":
            mixture = 1e-3 * ((batch.features - prototypes) ** 2).sum(dim=1) + 1e-3 * logarithm(real)
            terms["mixture"] = logarithm(mixture.mean())
        return terms

    def refine_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-E log p, with p = softmax(-‖x - P_k‖² / d) at k = y, over the classes k or over the rows x."""
        rows = []
        for x in batch.features:
            rows.append(torch.stack([-((x - self.prototype(a)) ** 2).mean() for a in self.semantics]))
        chances = torch.stack(rows).exp()
        chances = chances / chances.sum(dim=1 if self.params.refine_over == "classes" else 0, keepdim=True)
        own = [chances[row, label] for row, label in enumerate(batch.labels.tolist())]
        return {"distance": -torch.stack(own).log().mean()}

    def prototype(self, a: Tensor) -> Tensor:
        """f(a) = ReLU(W2 tanh(W1 a + b1) + b2)."""
        first, _, second, _ = self.prototypes
        prototype: Tensor = torch.relu(second(torch.tanh(first(a))))
        return prototype

    def infer(self, x: Tensor, batch: Batch) -> Tensor:
        """g(x) = ReLU(W4 h(W3 x + b3) + b4), with h = tanh or ReLU, and dropout."""
        hidden = {"tanh": torch.tanh, "relu": torch.relu}[self.params.activation](self.inference.first(x))
        return torch.relu(self.inference.second(dropout(hidden, self.params.dropout, batch)))

    def judge(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """D(x, a), D(f(a), g(x)) and f(a)."""
        a = self.semantics[batch.labels]
        prototypes, inferred = self.prototype(a), self.infer(batch.features, batch)
        end = torch.sigmoid if self.params.variant == "clean" else torch.relu
        real = end(self.of_real(batch.features, a, batch))
        fake = end(self.of_fake(prototypes, inferred, batch))
        return real, fake, prototypes


def surprise(logits: Tensor, labels: Tensor) -> Tensor:
    """-E log softmax(logits)_y."""
    chances = torch.softmax(logits, dim=1)
    return -torch.stack([row[y] for row, y in zip(chances, labels.tolist(), strict=True)]).log().mean()


def logarithm(values: Tensor) -> Tensor:
    """Log |v|, with |v| at least 1e-8."""
    return torch.log(torch.clamp(torch.abs(values), min=1e-8))


def train(method: PlainEpgn, view: TrainView, batches: Batches) -> None:
    """Each epoch: episodes of three steps on one batch, then refining steps on held-out classes."""
    p = method.params
    visual, judges = [*method.prototypes.parameters()], [*method.modules["discriminators"].parameters()]
    generators = [*visual, *method.inference.parameters()]
    everything = generators + judges
    base = torch.optim.Adam(generators, p.lr)
    discriminator = torch.optim.Adam(judges if p.variant == "clean" else everything, p.lr)
    adversary = torch.optim.Adam(generators if p.variant == "clean" else everything, p.lr)
    refine = torch.optim.Adam(visual, p.lr * p.refine_factor)
    stream = batches("episodes")
    for _ in range(p.epochs):
        for _ in range(p.episodes):
            batch = next(stream)
            step(base, method.base_loss(batch))
            step(discriminator, method.discriminator_loss(batch))
            step(adversary, method.adversary_loss(batch))
        for _ in range(p.inner_loop):
            step(refine, method.refine_loss(next(stream)))
