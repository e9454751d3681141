"""SDGZSL (Chen et al., ICCV 2021), written plainly.

x is a feature, a the semantics of its class y, x̂ the feature that the conditional VAE decodes for x. The
autoencoder encodes a feature to h = [h_s; h_n]: its semantic-consistent half and the rest. R is the relation
network and Dis the discriminator. The terms of x and of x̂ have the same form.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.plain import Batches, iterations, step
from gzslbench_methods.sdgzsl.method import NETWORKS, Sdgzsl


class PlainSdgzsl(Sdgzsl):
    """The networks, stage and synthesis of ``Sdgzsl``, with the losses in their plain form."""

    def discriminator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-E log Dis(joint | [h_s; h_n]) - E log Dis(independent | [h_s'; h_n']); its weight is ``dis``.

        h_s' and h_n' are the halves of the batch's rows, each in a random order.
        """
        with torch.no_grad():
            decoded, _, _ = self.reconstruct(batch)
            h = {"decoded": self.autoencoder.encode(decoded, batch)}
            h["real"] = self.autoencoder.encode(batch.features, batch)
        terms = {}
        for name, halves in h.items():
            h_s, h_n = halves[:, : self.params.s_dim], halves[:, self.params.s_dim :]
            order_s = torch.argsort(batch.uniform(len(batch)))
            order_n = torch.argsort(batch.uniform(len(batch)))
            joint = self.judge(torch.cat([h_s, h_n], dim=1))
            independent = self.judge(torch.cat([h_s[order_s], h_n[order_n]], dim=1))
            loss = functional.cross_entropy(joint, torch.zeros_like(batch.labels))
            loss = loss + functional.cross_entropy(independent, torch.ones_like(batch.labels))
            terms[name] = self.params.dis * loss
        return terms

    def network_loss(self, batch: Batch) -> dict[str, Tensor]:
        """The terms of the VAE, of the relation network and of the autoencoder."""
        terms, _ = self.terms_and_halves(batch)
        return terms

    def correlated_loss(self, batch: Batch) -> dict[str, Tensor]:
        """The terms of ``network_loss`` and the total correlation of h_s and h_n.

        TC = E [Dis(joint) - Dis(independent)], the difference of the two scores of h. Its weight grows to
        ``beta`` by ``tc_warmup`` of it with each pass over the rows.
        """
        terms, h = self.terms_and_halves(batch)
        correlation = torch.zeros_like(terms["features"])
        for halves in h:
            scores = self.judge(halves)
            correlation = correlation + (scores[:, 0] - scores[:, 1]).mean()
        terms["correlation"] = self.params.beta * self.grow(self.params.tc_warmup, batch) * correlation
        return terms

    def terms_and_halves(self, batch: Batch) -> tuple[dict[str, Tensor], list[Tensor]]:
        """Return these terms by name, and h for the decoded and for the real features.

        Features:  E ‖x̂ - x‖²
        Prior:     E KL(N(μ, σ²) ‖ N(0, I)) = ½ E Σ (μ² + σ² - 1 - log σ²); the weight grows to 1 by
                   ``kl_warmup`` with each pass over the rows
        Relation:  the mean of (R(h_s of i, a_k) - [y_i = k])² over the rows i and the distinct classes k of
                   the batch; its weight is ``ga``
        Back:      the mean over rows and columns of (decoded h - x)², with the real x for the h of x̂ too
        """
        x, a = batch.features, self.semantics
        decoded, mu, variance = self.reconstruct(batch)
        divergence = 0.5 * (mu**2 + variance - 1 - torch.log(variance)).sum(dim=1)
        terms = {
            "features": ((decoded - x) ** 2).sum(dim=1).mean(),
            "prior": self.grow(self.params.kl_warmup, batch) * divergence.mean(),
        }
        h = []
        classes = torch.unique(batch.labels)
        for name, features in (("decoded", decoded), ("real", x)):
            halves = self.autoencoder.encode(features, batch)
            h_s = halves[:, : self.params.s_dim]
            pairs = torch.cat(
                [h_s.repeat_interleave(len(classes), dim=0), a[classes].repeat(len(batch), 1)], dim=1
            )
            relations = torch.sigmoid(self.relation.out(torch.relu(self.relation.pair(pairs))))
            same = batch.labels.repeat_interleave(len(classes)) == classes.repeat(len(batch))
            back = self.autoencoder.decode(halves, batch)
            terms[f"{name}_relation"] = self.params.ga * ((relations.squeeze(1) - same.to(x)) ** 2).mean()
            terms[f"{name}_back"] = ((back - x) ** 2).mean()
            h.append(halves)
        return terms, h

    def reconstruct(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return x̂ decoded from z = μ + σ ε and a, with μ and σ² of the encoder, and μ and σ²."""
        a = self.semantics[batch.labels]
        mu, variance = self.encoder(batch.features, a, batch)
        z = mu + torch.sqrt(variance) * batch.normal(len(batch), self.params.latent)
        return self.decoder(z, a, batch), mu, variance

    def judge(self, h: Tensor) -> Tensor:
        """``(B, 2)`` scores of Dis, joint and independent; ``variant`` = reference squashes them first."""
        scores: Tensor = self.discriminator(h)
        return torch.sigmoid(scores) if self.params.variant == "reference" else scores

    def grow(self, rate: float, batch: Batch) -> Tensor:
        """Return a weight that is 0 at first and grows by ``rate`` with each pass over the rows, up to 1."""
        passes = batch.epoch * (1 + self.params.dis_steps)
        return torch.clamp(rate * passes, max=1.0)


def train(method: PlainSdgzsl, view: TrainView, batches: Batches) -> None:
    """Train in rounds: a step of the discriminator and of the others on one batch, then ``dis_steps`` steps.

    Only the latter have the total correlation.
    """
    p = method.params
    others = [parameter for name in NETWORKS for parameter in method.modules[name].parameters()]
    discriminator = torch.optim.Adam(method.discriminator.parameters(), p.lr, weight_decay=p.weight_decay)
    networks = torch.optim.Adam(others, p.lr, weight_decay=p.weight_decay)
    stream = batches("disentangling")
    for epoch in range(p.epochs):
        now = torch.tensor(float(epoch))
        for _ in range(iterations(view, p.batch_size)):
            batch = replace(next(stream), epoch=now)
            step(discriminator, method.discriminator_loss(batch))
            step(networks, method.network_loss(batch))
            for _ in range(p.dis_steps):
                step(networks, method.correlated_loss(replace(next(stream), epoch=now)))
