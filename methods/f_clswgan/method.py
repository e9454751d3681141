"""f-CLSWGAN (Xian et al., CVPR 2018): a WGAN whose features a seen-class classifier must recognise."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Adam, Batch, ClassNoise, Phase, Stage, TrainView
from gzslbench_methods.f_clswgan import FClswganParams
from gzslbench_methods.layers import linear, to_float32
from gzslbench_methods.wgan import Critic, Generator, critic_terms, synthesize


def classification_loss(classifier: nn.Module, features: Tensor, labels: Tensor) -> Tensor:
    """Mean negative log-likelihood of the labels (L_CLS of Xian et al. 2018).

    Args:
        classifier: ``(B, d)`` features to ``(B, C)`` logits.
        features: ``(B, d)``, real to train the classifier, synthesized to train the generator.
        labels: ``(B,)`` in 0..C-1.
    """
    return functional.cross_entropy(to_float32(classifier(features)), labels)


class FClswgan:
    """The classifier is trained first, then frozen; the head is fitted on the visual features."""

    def __init__(self, view: TrainView, params: FClswganParams) -> None:
        features, (classes, semantics) = view.features.shape[1], view.semantics.shape
        self.params = params
        self.semantics = view.semantics
        self.noise = params.nz or semantics
        self.classifier = linear(features, classes)
        self.generator = Generator(self.noise, semantics, params.ngh, features)
        self.critic = Critic(features, semantics, params.ndh)
        self.modules = nn.ModuleDict(
            {"classifier": self.classifier, "generator": self.generator, "critic": self.critic}
        )
        self.head = params.head_settings()

    def stages(self) -> tuple[Stage, ...]:
        """The seen-class classifier, then the game with it frozen."""
        return self.classifier_stage(), self.game_stage(self.params.lr)

    def classifier_stage(self) -> Stage:
        """Train the seen-class classifier on real features."""
        params = self.params
        phase = Phase(
            "classifier",
            self.classifier_loss,
            updates=("classifier",),
            optimizer=self._adam(params.pretrain_lr),
        )
        return Stage(
            "classifier", params.pretrain_epochs, params.pretrain_batch_size, (phase,), sampling="pass"
        )

    def game_stage(self, critic_lr: float) -> Stage:
        """``critic_iter`` steps of the critic, then one of the generator on the last critic batch."""
        params = self.params
        critic = Phase(
            "critic",
            self.critic_loss,
            updates=("critic",),
            optimizer=self._adam(critic_lr),
            repeats=params.critic_iter,
        )
        generator = Phase(
            "generator",
            self.generator_loss,
            updates=("generator",),
            optimizer=self._adam(params.lr),
            fresh_batch=False,
        )
        return Stage("game", params.epochs, params.batch_size, (critic, generator))

    def classifier_loss(self, batch: Batch) -> dict[str, Tensor]:
        """L_CLS of the real features."""
        return {"classifier": classification_loss(self.classifier, batch.features, batch.labels)}

    def critic_loss(self, batch: Batch) -> dict[str, Tensor]:
        """L_WGAN, negated."""
        with torch.no_grad():
            fake = self.fakes(batch)
        mix = batch.uniform(len(batch), 1)
        return critic_terms(
            self.critic, batch.features, fake, self.semantics, batch.labels, mix, self.params.lambda_gp
        )

    def generator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """L_WGAN + beta L_CLS: fool the critic, and be recognised by the classifier."""
        return self.fooling_terms(self.fakes(batch), batch)

    def fooling_terms(self, fake: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The terms of ``generator_loss`` for the ``(B, d)`` features synthesized for the batch's labels."""
        return {
            "generator": -self.critic(fake, self.semantics, batch.labels).mean(),
            "fake_class": self.params.cls_weight * classification_loss(self.classifier, fake, batch.labels),
        }

    def synthesize(self, semantics: Tensor, noise: ClassNoise) -> Tensor:
        """``(C, a)`` semantics to ``(len(noise), d)`` visual features, the rows of one class together."""
        return synthesize(self.generator, self.noise, semantics, noise)

    def embed(self, features: Tensor) -> Tensor:
        """The visual features themselves."""
        return features

    def fakes(self, batch: Batch) -> Tensor:
        """``(B, d)`` features synthesized for the batch's labels."""
        noise = batch.normal(len(batch), self.noise)
        fake: Tensor = self.generator(noise, self.semantics, batch.labels)
        return fake

    def _adam(self, lr: float) -> Adam:
        return Adam(lr, (self.params.beta1, 0.999))
