"""GenZSL (Chen et al., ICML 2025): features of a class from rows of the two seen classes most like it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Adam, Batch, ClassNoise, Phase, Stage, TrainView
from gzslbench_methods.genzsl import GenZslParams
from gzslbench_methods.layers import linear, to_float32


def common_direction(semantics: Tensor) -> Tensor:
    """Return the first right singular vector ``(a,)`` of ``(S, a)`` semantics; its sign is arbitrary."""
    direction: Tensor = torch.linalg.svd(semantics.double(), full_matrices=False).Vh[0].to(semantics)
    return direction


def contrastive_loss(features: Tensor, texts: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of the own text among those of the batch, and of the own row, averaged.

    Args:
        features: ``(B, d)``.
        texts: ``(B, d)``; two rows of a class have the same text, and count as different, as published.
        temperature: What the products are divided by.
    """
    logits = to_float32(features @ texts.t()) / temperature
    own = torch.arange(len(logits), device=logits.device)
    return (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.t(), own)) / 2


class Encoder(nn.Module):
    """[mixture; semantics] -> hidden, ReLU -> mean and log variance of each latent dimension."""

    def __init__(self, inputs: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(linear(inputs, hidden), nn.ReLU())
        self.mean = linear(hidden, latent)
        self.log_variance = linear(hidden, latent)

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """``(n, d + a)`` to two ``(n, latent)``."""
        hidden = self.hidden(rows)
        return self.mean(hidden), self.log_variance(hidden)


class GenZsl:
    """An autoencoder from mixtures of two similar classes to rows of a class."""

    def __init__(self, view: TrainView, params: GenZslParams) -> None:
        width, semantics = view.features.shape[1], view.semantics.shape[1]
        self.params = params
        self.features = view.features
        self.order = view.labels.argsort(stable=True)
        self.counts = torch.bincount(view.labels, minlength=len(view.semantics))
        self.starts = self.counts.cumsum(0) - self.counts
        unit = functional.normalize(view.semantics, dim=1)
        self.common = common_direction(unit) if params.remove_common else unit.new_zeros(semantics)
        self.semantics = self.refine(view.semantics)
        similar = self.similarities(self.semantics).fill_diagonal_(-torch.inf)
        self.neighbours = two_highest(similar)
        self.encoder = Encoder(width + semantics, params.hidden, params.latent)
        self.decoder = nn.Sequential(
            linear(params.latent + semantics, params.hidden), nn.ReLU(), linear(params.hidden, width)
        )
        self.modules = nn.ModuleDict({"encoder": self.encoder, "decoder": self.decoder})
        self.head = params.head_settings()

    def stages(self) -> tuple[Stage]:
        """One stage, both networks at once."""
        params = self.params
        adam = Adam(params.lr, (0.5, 0.999))
        phase = Phase("vae", self.vae_loss, ("encoder", "decoder"), adam)
        stage = Stage("vae", params.epochs, params.batch_size, (phase,), sampling="pass", loops=params.passes)
        return (stage,)

    def vae_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Rows are rebuilt from mixtures of similar classes, and should match their own semantics."""
        own = self.semantics.index_select(0, batch.labels)
        neighbours = self.neighbours.index_select(0, batch.labels)
        mixture = self.mix(neighbours, batch.uniform(len(batch), 2))
        noise = batch.normal(len(batch), self.params.latent)
        rebuilt, mean, log_variance = self.decode(mixture, own, noise)
        mean, log_variance = to_float32(mean), to_float32(log_variance)
        prior = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return {
            "features": (rebuilt - batch.features).square().sum(1).mean(),
            "prior": prior,
            "contrast": self.params.contrast_weight * contrastive_loss(rebuilt, own, self.params.temperature),
        }

    def synthesize(self, semantics: Tensor, noise: ClassNoise) -> Tensor:
        """``(C, a)`` semantics to ``(len(noise), d)`` features of length 1, those of one class together."""
        refined = self.refine(semantics)
        neighbours = two_highest(self.similarities(refined)).repeat_interleave(noise.per_class, 0)
        mixture = self.mix(neighbours, noise.uniform(2))
        own = refined.repeat_interleave(noise.per_class, 0)
        return self.decode(mixture, own, noise.normal(self.params.latent))[0]

    def embed(self, features: Tensor) -> Tensor:
        """Return ``(n, d)`` features."""
        return features

    def refine(self, semantics: Tensor) -> Tensor:
        """``(C, a)`` semantics at length 1, without what the seen classes have in common."""
        unit = functional.normalize(semantics, dim=1)
        return unit - (unit @ self.common)[:, None] * self.common

    def similarities(self, refined: Tensor) -> Tensor:
        """Cosines of ``(C, a)`` refined semantics with those of the seen classes, ``(C, S)``."""
        return functional.normalize(refined, dim=1) @ functional.normalize(self.semantics, dim=1).t()

    def mix(self, neighbours: Tensor, keys: Tensor) -> Tensor:
        """Mix a random training row of each of two seen classes: ``(n, 2)`` classes to ``(n, d)``.

        ``keys`` are ``(n, 2)`` in [0, 1).
        """
        counts = self.counts[neighbours]
        places = torch.minimum((keys * counts).long(), counts - 1)
        rows = self.features[self.order[self.starts[neighbours] + places]]
        return torch.lerp(rows[:, 1], rows[:, 0], self.params.nearest_weight)

    def decode(self, mixture: Tensor, own: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode ``(n, d)`` mixtures with ``(n, a)`` semantics, and decode what ``noise`` draws.

        Returns:
            ``(n, d)`` features of length 1, and the ``(n, latent)`` means and log variances.
        """
        mean, log_variance = self.encoder(torch.cat([mixture, own], dim=1))
        drawn = mean + (0.5 * log_variance).exp() * noise
        decoded = self.decoder(torch.cat([drawn, own.to(drawn.dtype)], dim=1))
        return functional.normalize(to_float32(decoded), dim=1), mean, log_variance


def two_highest(similarities: Tensor) -> Tensor:
    """``(C, S)`` similarities to the ``(C, 2)`` most similar classes; of a single one, that one twice."""
    return similarities.topk(min(2, similarities.shape[1]), dim=1).indices[:, [0, -1]]
