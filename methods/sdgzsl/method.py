"""SDGZSL (Chen et al., ICCV 2021): features split into a semantic-consistent and an unrelated half."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gzslbench.data.views import TrainView
from gzslbench.evaluation.checked_method import ClassNoise
from gzslbench.plugins.head import HeadSettings
from gzslbench.plugins.method import Adam, Phase, Stage
from gzslbench.training.batch import Batch
from gzslbench_methods.sdgzsl.losses import (
    autoencoder_loss,
    correlation_loss,
    discriminator_loss,
    permuted,
    prior_loss,
    reconstruction_loss,
    relation_loss,
)
from gzslbench_methods.sdgzsl.model import Autoencoder, RelationNetwork, VaeDecoder, VaeEncoder
from gzslbench_methods.sdgzsl.params import SdgzslParams
from gzslbench_methods.warm_up import warmed_up

EPSILON = {"reference": 0.8, "clean": 1e-5}
NETWORKS = ("encoder", "decoder", "autoencoder", "relation")
"""All that is trained but for the discriminator."""


class Sdgzsl:
    """The head is fitted on the semantic-consistent half alone."""

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
        self.head = HeadSettings(
            per_class=params.syn_num,
            batch_size=params.head_batch_size or params.syn_num,
            epochs=params.head_epochs,
            zsl_epochs=params.zsl_epochs,
            lr=params.classifier_lr,
        )

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
        weight = self.params.beta * self._warm(batch, self.params.tc_warmup)
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
            "prior": self._warm(batch, self.params.kl_warmup) * prior_loss(mean, variance),
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

    def _warm(self, batch: Batch, rate: float) -> Tensor:
        """0 at first, and ``rate`` more with each pass over the rows, up to 1."""
        passes = 1 + self.params.dis_steps
        return warmed_up(1.0, batch.epoch * passes, 0, 1 / rate)
