"""CE-GZSL (Han et al., CVPR 2021): a feature-generating GAN and a contrastive embedding, trained together."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gzslbench.data.views import TrainView
from gzslbench.evaluation.checked_method import ClassNoise
from gzslbench.plugins.head import HeadSettings
from gzslbench.plugins.method import Adam, Phase, Stage
from gzslbench.training.batch import Batch
from gzslbench_methods.ce_gzsl.losses import class_loss, instance_loss
from gzslbench_methods.ce_gzsl.model import Comparator, Embedding
from gzslbench_methods.ce_gzsl.params import CeGzslParams
from gzslbench_methods.critic_terms import critic_terms
from gzslbench_methods.wgan import Critic, Generator, synthesize


class CeGzsl:
    """The hybrid of generation and embedding; the head is fitted on h, the embedding's hidden layer."""

    def __init__(self, view: TrainView, params: CeGzslParams) -> None:
        features, semantics = view.features.shape[1], view.semantics.shape[1]
        self.params = params
        self.semantics = view.semantics
        self.noise = params.nz or semantics
        self.generator = Generator(self.noise, semantics, params.ngh, features)
        self.critic = Critic(features, semantics, params.ndh)
        self.embedding = Embedding(features, params.embed_size, params.outz_size)
        self.comparator = Comparator(params.embed_size, semantics, params.nhF)
        self.modules = nn.ModuleDict(
            {
                "generator": self.generator,
                "critic": self.critic,
                "embedding": self.embedding,
                "comparator": self.comparator,
            }
        )
        self.head = HeadSettings(
            per_class=params.syn_num,
            batch_size=params.syn_num if self._reference else params.head_batch_size,
            epochs=params.head_epochs,
            zsl_epochs=params.zsl_epochs,
            lr=params.classifier_lr,
        )

    def stages(self) -> tuple[Stage]:
        """One stage: ``critic_iter`` steps of critic, embedding and comparator, then one of the generator."""
        params = self.params
        adam = Adam(params.lr, (params.beta1, 0.999))
        critic = Phase(
            "critic",
            self.critic_loss,
            updates=("critic", "embedding", "comparator"),
            optimizer=adam,
            repeats=params.critic_iter,
            keep_gradients=("comparator",) if self._reference else (),
        )
        generator = Phase(
            "generator",
            self.generator_loss,
            updates=("generator",),
            optimizer=adam,
            fresh_batch=not self._reference,
        )
        return (Stage("game", params.epochs, params.batch_size, (critic, generator), self._decay),)

    def critic_loss(self, batch: Batch) -> dict[str, Tensor]:
        """The critic's terms and both contrasts of the real features, at weight one."""
        with torch.no_grad():
            fake = self._fake(batch)
        hidden = self.embedding.hidden(batch.features)
        return {
            **critic_terms(
                self.critic,
                batch.features,
                fake,
                self.semantics,
                batch.labels,
                batch.uniform(len(batch), 1),
                self.params.lambda_gp,
            ),
            "instance": self._instance(self.embedding.project(hidden), batch.labels),
            "class": self._class(hidden, batch.labels),
        }

    def generator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """The critic's verdict on the synthesized features and both their contrasts, weighted."""
        params, embedding = self.params, self.embedding
        fake = self._fake(batch)
        hidden = embedding.hidden(fake)
        with torch.no_grad():
            real = embedding.project(embedding.hidden(batch.features))
        both = torch.cat([embedding.project(hidden), real])
        return {
            "generator": -self.critic(fake, self.semantics, batch.labels).mean(),
            "fake_instance": params.ins_weight * self._instance(both, batch.labels.repeat(2)),
            "fake_class": params.cls_weight * self._class(hidden, batch.labels),
        }

    def synthesize(self, semantics: Tensor, noise: ClassNoise) -> Tensor:
        """``(C, a)`` semantics to ``(len(noise), d)`` visual features, the rows of one class together."""
        return synthesize(self.generator, self.noise, semantics, noise)

    def embed(self, features: Tensor) -> Tensor:
        """``(n, d)`` visual features to the ``(n, embed_size)`` space of h."""
        return self.embedding.hidden(features)

    @property
    def _reference(self) -> bool:
        return self.params.variant == "reference"

    def _decay(self, epoch: int) -> float:
        return self.params.lr_decay_rate ** (epoch // self.params.lr_decay_epoch)

    def _fake(self, batch: Batch) -> Tensor:
        return self.generator(batch.normal(len(batch), self.noise), self.semantics, batch.labels)

    def _instance(self, z: Tensor, labels: Tensor) -> Tensor:
        return instance_loss(z, labels, self.params.ins_temp, len(self.semantics))

    def _class(self, hidden: Tensor, labels: Tensor) -> Tensor:
        return class_loss(self.comparator(hidden, self.semantics), labels, self.params.cls_temp)
