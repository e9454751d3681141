"""SDGZSL (Chen et al., ICCV 2021): features split into a semantic-consistent and an unrelated half."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Adam, Batch, ClassNoise, Phase, Stage, TrainView
from gzslbench_methods.layers import SLOPE, dropout, linear_warmup, to_float32
from gzslbench_methods.sdgzsl import SdgzslParams

_VARIANCE_DROP = 0.2


def _leaky(values: Tensor) -> Tensor:
    return functional.leaky_relu(values, SLOPE)


class VaeEncoder(nn.Module):
    """[features; semantics] to the mean and the variance of a normal distribution."""

    def __init__(self, inputs: int, hidden: int, code: int, latent: int, drop: float) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden)
        self.third = nn.Linear(hidden, code)
        self.mean, self.variance = nn.Linear(code, latent), nn.Linear(code, latent)
        self.drop = drop

    def forward(self, features: Tensor, semantics: Tensor, batch: Batch | None) -> tuple[Tensor, Tensor]:
        """``(n, d)`` and ``(n, a)`` to ``(n, latent)`` means and ``(n, latent)`` variances > 0."""
        hidden = _leaky(self.first(torch.cat([features, semantics], 1)))
        code = self.third(_leaky(dropout(self.second(hidden), self.drop, batch)))
        return self.mean(code), functional.softplus(dropout(self.variance(code), _VARIANCE_DROP, batch))


class VaeDecoder(nn.Module):
    """[latent; semantics] to features; ``epsilon`` is what batch normalization adds to the variances."""

    def __init__(self, inputs: int, hidden: int, features: int, drop: float, epsilon: float) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden)
        self.third, self.out = nn.Linear(hidden, hidden), nn.Linear(hidden, features)
        self.norm, self.last_norm = (nn.BatchNorm1d(hidden, eps=epsilon) for _ in range(2))
        self.drop = drop

    def forward(self, latent: Tensor, semantics: Tensor, batch: Batch | None) -> Tensor:
        """``(n, latent)`` and ``(n, a)`` to ``(n, d)``."""
        hidden = self.first(torch.cat([latent, semantics], 1))
        hidden = self.second(_leaky(dropout(hidden, self.drop, batch)))
        hidden = self.third(dropout(self.norm(hidden), self.drop, batch))
        return _leaky(self.out(_leaky(dropout(self.last_norm(hidden), self.drop, batch))))


class Autoencoder(nn.Module):
    """Features to a semantic-consistent and another half, and back."""

    def __init__(self, features: int, half: int, hidden: int, drop: float) -> None:
        super().__init__()
        self.halves = nn.Linear(features, 2 * half)
        self.back, self.out = nn.Linear(2 * half, hidden), nn.Linear(hidden, features)
        self.drop = drop

    def encode(self, features: Tensor, batch: Batch | None) -> Tensor:
        """``(n, d)`` to ``(n, 2 half)``, the semantic-consistent half first."""
        return dropout(_leaky(self.halves(features)), self.drop, batch)

    def decode(self, halves: Tensor, batch: Batch | None) -> Tensor:
        """``(n, 2 half)`` to ``(n, d)``."""
        hidden = dropout(_leaky(self.back(halves)), self.drop, batch)
        return dropout(_leaky(self.out(hidden)), self.drop, batch)


class RelationNetwork(nn.Module):
    """How well a semantic-consistent half fits the semantics of a class, in (0, 1).

    Its first layer reads a concatenation, and is computed as a sum of one product for each part.
    """

    def __init__(self, half: int, semantics: int, hidden: int) -> None:
        super().__init__()
        self.pair, self.out = nn.Linear(half + semantics, hidden), nn.Linear(hidden, 1)

    def forward(self, halves: Tensor, semantics: Tensor) -> Tensor:
        """``(n, half)`` and ``(m, a)`` to the ``(n, m)`` relations of all pairs."""
        weight, width = self.pair.weight, halves.shape[1]
        of_halves = functional.linear(halves, weight[:, :width], self.pair.bias)
        of_semantics = functional.linear(semantics, weight[:, width:])
        hidden = functional.relu(of_halves.unsqueeze(1) + of_semantics)
        relations: Tensor = self.out(hidden).squeeze(2).sigmoid()
        return relations


def reconstruction_loss(features: Tensor, decoded: Tensor) -> Tensor:
    """Mean over the rows of the squared distance of features and reconstruction, both ``(B, d)``."""
    return (to_float32(decoded) - features).square().sum(1).mean()


def prior_loss(mean: Tensor, variance: Tensor) -> Tensor:
    """Mean over the rows of KL(N(mean, variance) || N(0, 1)), ``(B, latent)`` both."""
    mean, variance = to_float32(mean), to_float32(variance)
    return 0.5 * (mean.square() + variance - 1 - variance.log()).sum(1).mean()


def autoencoder_loss(features: Tensor, decoded: Tensor) -> Tensor:
    """Mean squared difference of two ``(B, d)``."""
    return functional.mse_loss(to_float32(decoded), features)


def relation_loss(relations: Tensor, labels: Tensor) -> Tensor:
    """Mean squared difference of relations and 0 or 1, over the rows and the batch's distinct classes.

    Each row stands for its class; a class of k rows counts k times 1/k, so no shape depends on the labels.

    Args:
        relations: ``(B, B)`` of each row's half with the semantics of each row's class.
        labels: ``(B,)``.
    """
    same = (labels.unsqueeze(1) == labels).to(to_float32(relations).dtype)
    once = 1 / same.sum(0)
    return ((to_float32(relations) - same).square().mean(0) * once).sum() / once.sum()


def correlation_loss(scores: Tensor) -> Tensor:
    """Total correlation of the halves as the discriminator sees it: mean of joint less independent score.

    Args:
        scores: ``(B, 2)`` of halves that belong together.
    """
    joint, independent = to_float32(scores).unbind(1)
    return (joint - independent).mean()


def discriminator_loss(together: Tensor, apart: Tensor) -> Tensor:
    """Cross-entropy of telling halves that belong together from halves permuted over the batch.

    Args:
        together: ``(B, 2)`` scores, joint first, of halves of one row.
        apart: ``(B, 2)`` of halves of different rows.
    """
    joint = -functional.log_softmax(to_float32(together), 1)[:, 0].mean()
    return joint - functional.log_softmax(to_float32(apart), 1)[:, 1].mean()


def permuted(halves: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """``(B, 2 half)`` with both halves permuted, each in the order given by ``(B,)`` random numbers."""
    one, other = halves.chunk(2, 1)
    return torch.cat([one.index_select(0, first.argsort()), other.index_select(0, second.argsort())], 1)


EPSILON = {"reference": 0.8, "clean": 1e-5}
NETWORKS = ("encoder", "decoder", "autoencoder", "relation")
"""All that is trained but for the discriminator."""


class Sdgzsl:
    """The head is fitted only on the semantic-consistent half."""

    def __init__(self, view: TrainView, params: SdgzslParams) -> None:
        features, semantics = view.features.shape[1], view.semantics.shape[1]
        hidden = params.hidden
        self.params = params
        self.semantics = view.semantics
        self.encoder = VaeEncoder(
            features + semantics, hidden, params.code, params.latent, params.vae_enc_drop
        )
        self.decoder = VaeDecoder(
            params.latent + semantics, hidden, features, params.vae_dec_drop, EPSILON[params.variant]
        )
        self.autoencoder = Autoencoder(features, params.s_dim, hidden, params.ae_drop)
        self.relation = RelationNetwork(params.s_dim, semantics, hidden)
        self.discriminator = nn.Linear(2 * params.s_dim, 2)
        networks = {name: getattr(self, name) for name in (*NETWORKS, "discriminator")}
        self.modules = nn.ModuleDict(networks)
        self.head = params.head_settings()

    def stages(self) -> tuple[Stage]:
        """Rounds: the discriminator and the others on one batch, then the others with its judgement."""
        params = self.params
        adam = Adam(params.lr, weight_decay=params.weight_decay)
        phases = (
            Phase("discriminator", self.discriminator_loss, ("discriminator",), adam),
            Phase("apart", self.network_loss, NETWORKS, adam, fresh_batch=False),
            Phase("networks", self.correlated_loss, NETWORKS, adam, repeats=params.dis_steps),
        )
        return (Stage("disentangling", params.epochs, params.batch_size, phases, sampling="pass"),)

    def discriminator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Which halves belong together, of decoded and of real features."""
        with torch.no_grad():
            decoded = self._decoded(batch)[0]
            halves = [self.autoencoder.encode(rows, batch) for rows in (decoded, batch.features)]
        names = ("decoded", "real")
        return {
            name: self.params.dis
            * discriminator_loss(self._scores(rows), self._scores(self._mixed(rows, batch)))
            for name, rows in zip(names, halves, strict=True)
        }

    def network_loss(self, batch: Batch) -> dict[str, Tensor]:
        """The VAE's loss, and for decoded and real features the relations and the way back."""
        return self._terms(batch)[0]

    def correlated_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Those of ``network_loss``, and the total correlation of the halves."""
        terms, halves = self._terms(batch)
        correlation = sum(correlation_loss(self._scores(rows)) for rows in halves)
        weight = self.params.beta * self._warmup_weight(batch, self.params.tc_warmup)
        return {**terms, "correlation": weight * correlation}

    def synthesize(self, semantics: Tensor, noise: ClassNoise) -> Tensor:
        """``(C, a)`` semantics to ``(len(noise), d)`` features, the rows of one class together."""
        rows = semantics.repeat_interleave(noise.per_class, 0)
        features: Tensor = self.decoder(noise.normal(self.params.latent), rows, None)
        return features

    def embed(self, features: Tensor) -> Tensor:
        """``(n, d)`` features to their ``(n, s_dim)`` semantic-consistent halves."""
        return self.autoencoder.encode(features, None)[:, : self.params.s_dim]

    def _terms(self, batch: Batch) -> tuple[dict[str, Tensor], list[Tensor]]:
        """The terms that every step has, and the halves of decoded and of real features."""
        decoded, mean, variance = self._decoded(batch)
        semantics = self.semantics.index_select(0, batch.labels)
        terms = {
            "features": reconstruction_loss(batch.features, decoded),
            "prior": self._warmup_weight(batch, self.params.kl_warmup) * prior_loss(mean, variance),
        }
        halves = []
        for name, rows in (("decoded", decoded), ("real", batch.features)):
            both = self.autoencoder.encode(rows, batch)
            halves.append(both)
            relations = self.relation(both[:, : self.params.s_dim], semantics)
            back = self.autoencoder.decode(both, batch)
            terms[f"{name}_relation"] = self.params.ga * relation_loss(relations, batch.labels)
            terms[f"{name}_back"] = autoencoder_loss(batch.features, back)
        return terms, halves

    def _decoded(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """The features as the VAE decodes them, and the latent means and variances."""
        semantics = self.semantics.index_select(0, batch.labels)
        mean, variance = self.encoder(batch.features, semantics, batch)
        latent = mean + variance.sqrt() * batch.normal(len(batch), self.params.latent)
        return self.decoder(latent, semantics, batch), mean, variance

    def _scores(self, halves: Tensor) -> Tensor:
        scores: Tensor = self.discriminator(halves)
        return scores.sigmoid() if self.params.variant == "reference" else scores

    def _mixed(self, halves: Tensor, batch: Batch) -> Tensor:
        return permuted(halves, batch.uniform(len(batch)), batch.uniform(len(batch)))

    def _warmup_weight(self, batch: Batch, rate: float) -> Tensor:
        """0 at first, and ``rate`` more with each pass over the rows, up to 1."""
        passes = 1 + self.params.dis_steps
        return linear_warmup(1.0, batch.epoch * passes, 0, 1 / rate)
