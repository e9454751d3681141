"""GenZSL (Chen et al., ICML 2025), written plainly.

x is a feature of length 1, a the semantics of its class without the common direction, E the encoder, D the
decoder, τ the temperature.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.genzsl.method import GenZsl
from gzslbench_methods.plain import Batches, iterations, step


class PlainGenZsl(GenZsl):
    """The networks, stage and synthesis of ``GenZsl``, with the losses as they are defined."""

    def vae_loss(self, batch: Batch) -> dict[str, Tensor]:
        """E ‖x - x̂‖² + E KL(N(μ, Σ) ‖ N(0, I)) + α L_contrast(x̂, a).

        x̂ = D(z, a) / ‖D(z, a)‖, z = μ + Σ^½ ε, and μ, log Σ = E(0.8 x₁ + 0.2 x₂, a), where x₁ and x₂ are
        random rows of the two seen classes most similar to that of x.
        """
        p, keys = self.params, batch.uniform(len(batch), 2)
        noise = batch.normal(len(batch), p.latent)
        rebuilt, divergences = [], []
        for i, label in enumerate(batch.labels.tolist()):
            a = self.semantics[label]
            x1, x2 = (self.draw(k, keys[i, j]) for j, k in enumerate(self.most_similar(label)))
            mixture = p.nearest_weight * x1 + (1 - p.nearest_weight) * x2
            mu, log_sigma = self.encoder(torch.cat([mixture, a]))
            decoded = self.decoder(torch.cat([mu + torch.exp(log_sigma / 2) * noise[i], a]))
            rebuilt.append(decoded / torch.linalg.vector_norm(decoded))
            divergences.append(-0.5 * torch.sum(1 + log_sigma - mu**2 - torch.exp(log_sigma)))
        errors = [((x - r) ** 2).sum() for x, r in zip(batch.features, rebuilt, strict=True)]
        texts = self.semantics[batch.labels]
        return {
            "features": torch.stack(errors).mean(),
            "prior": torch.stack(divergences).mean(),
            "contrast": p.contrast_weight * self.contrast(torch.stack(rebuilt), texts),
        }

    def most_similar(self, label: int) -> list[int]:
        """The two other seen classes k of highest cos(a, a_k)."""
        others = [k for k in range(len(self.semantics)) if k != label]
        own = self.semantics[label]
        others.sort(key=lambda k: -float(torch.cosine_similarity(own, self.semantics[k], dim=0)))
        return [others[0], others[min(1, len(others) - 1)]] if others else [label, label]

    def draw(self, label: int, key: Tensor) -> Tensor:
        """The training row of a class at the place ``key`` in [0, 1) of its rows."""
        start, count = int(self.starts[label]), int(self.counts[label])
        return self.features[self.order[start : start + count][int(key * count)]]

    def contrast(self, rebuilt: Tensor, texts: Tensor) -> Tensor:
        """½ E -log softmax_j(x̂_i a_j / τ)_i + ½ E -log softmax_j(x̂_j a_i / τ)_i."""
        terms = []
        for i in range(len(rebuilt)):
            by_text = torch.stack([rebuilt[i] @ a for a in texts]) / self.params.temperature
            by_row = torch.stack([x @ texts[i] for x in rebuilt]) / self.params.temperature
            terms.append(-(torch.log_softmax(by_text, 0)[i] + torch.log_softmax(by_row, 0)[i]) / 2)
        return torch.stack(terms).mean()


def train(method: PlainGenZsl, view: TrainView, batches: Batches) -> None:
    """Train both networks at once."""
    p = method.params
    adam = torch.optim.Adam(method.modules.parameters(), p.lr, (0.5, 0.999))
    stream = batches("vae")
    for _ in range(p.epochs * p.passes * iterations(view, p.batch_size)):
        step(adam, method.vae_loss(next(stream)))
