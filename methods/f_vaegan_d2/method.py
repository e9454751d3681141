"""f-VAEGAN-D2 (Xian et al., CVPR 2019), inductive: a VAE and a WGAN that share their generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.errors import DataError
from gzslbench.plugins import Adam, Batch, ClassNoise, Phase, Stage, TrainView
from gzslbench_methods.f_vaegan_d2 import FVaeganParams
from gzslbench_methods.layers import to_float32
from gzslbench_methods.vaegan import Code, Encoder, PenaltyWeight, SigmoidGenerator
from gzslbench_methods.wgan import Critic, critic_terms, synthesize


def reconstruction_loss(logits: Tensor, features: Tensor) -> Tensor:
    """Binary cross-entropy, summed over the features, mean over the rows.

    Args:
        logits: ``(B, d)``; the reconstruction is their sigmoid.
        features: ``(B, d)`` in [0, 1].
    """
    summed = functional.binary_cross_entropy_with_logits(
        to_float32(logits), to_float32(features), reduction="sum"
    )
    return summed / len(features)


def divergence_loss(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Mean Kullback-Leibler divergence of N(mean, exp(log_variance)) from N(0, 1), ``(B, nz)`` both."""
    mean, log_variance = to_float32(mean), to_float32(log_variance)
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()


ROUNDING = 1e-5
"""By how much a scaled feature may leave [0, 1]."""


class FVaegan:
    """The head is fitted on the visual features.

    Raises:
        DataError: The training features do not lie in [0, 1].
    """

    def __init__(self, view: TrainView, params: FVaeganParams) -> None:
        _refuse_unscaled(view.features)
        features, semantics = view.features.shape[1], view.semantics.shape[1]
        self.params = params
        self.semantics = functional.normalize(view.semantics)
        self.noise = params.nz or semantics
        self.encoder = Encoder(features, semantics, params.ngh, self.noise)
        self.generator = SigmoidGenerator(self.noise, semantics, params.ngh, features)
        self.critic = Critic(features, semantics, params.ndh)
        self.penalty = PenaltyWeight(params.lambda_gp)
        self.modules = nn.ModuleDict(
            {
                "encoder": self.encoder,
                "generator": self.generator,
                "critic": self.critic,
                "penalty": self.penalty,
            }
        )
        self.head = params.head_settings()

    def stages(self) -> tuple[Stage]:
        """``critic_iter`` steps of the critic, then one of encoder and generator on the last critic batch."""
        params = self.params
        critic = Phase(
            "critic",
            self.critic_loss,
            updates=("critic",),
            optimizer={"critic": self.adam(params.lr)},
            repeats=params.critic_iter,
        )
        generator = Phase(
            "generator",
            self.generator_loss,
            updates=("encoder", "generator"),
            optimizer={"encoder": Adam(params.lr), "generator": self.adam(params.lr)},
            fresh_batch=False,
        )
        return (Stage("game", params.epochs, params.batch_size, (critic, generator)),)

    def critic_loss(self, batch: Batch) -> dict[str, Tensor]:
        """L_WGAN, negated."""
        with torch.no_grad():
            fake = self.generate(self.fake_noise(batch), self.semantics, batch.labels)
        return self.critic_terms(fake, batch)

    def generator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """L_VAE + gamma L_WGAN: reconstruct, and fool the critic."""
        code = self.encoder.code(batch, self.semantics)
        logits = self.generator(code.noise, self.semantics, batch.labels)
        if self.params.encoded_noise:
            fake = torch.sigmoid(logits)
        else:
            fake = self.generate(self.fake_noise(batch), self.semantics, batch.labels)
        return self.generator_terms(code, logits, fake, batch)

    def critic_terms(self, fake: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The terms of ``critic_loss`` for the ``(B, d)`` features generated for the batch's labels."""
        mix = batch.uniform(len(batch), 1)
        terms = critic_terms(self.critic, batch.features, fake, self.semantics, batch.labels, mix, 1.0)
        if self.params.adapt_penalty:
            self.penalty.note(terms["penalty"])
        gamma = self.params.gamma_d
        return {
            "critic": gamma * terms["critic"],
            "penalty": gamma * self.penalty.value * terms["penalty"],
        }

    def generator_terms(self, code: Code, logits: Tensor, fake: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The terms of ``generator_loss``.

        Args:
            code: Of the batch.
            logits: ``(B, d)``, of the batch's reconstruction.
            fake: ``(B, d)`` features that the critic judges.
            batch: The batch of the step.
        """
        if self.params.adapt_penalty:
            self.penalty.adapt(self.params.critic_iter)
        return {
            "reconstruction": reconstruction_loss(logits, batch.features),
            "divergence": divergence_loss(code.mean, code.log_variance),
            "generator": -self.params.gamma_g * self.critic(fake, self.semantics, batch.labels).mean(),
        }

    def synthesize(self, semantics: Tensor, noise: ClassNoise) -> Tensor:
        """``(C, a)`` semantics to ``(len(noise), d)`` visual features, the rows of one class together."""
        return synthesize(self.generate, self.noise, functional.normalize(semantics), noise)

    def embed(self, features: Tensor) -> Tensor:
        """The visual features themselves."""
        return features

    def generate(self, noise: Tensor, semantics: Tensor, labels: Tensor) -> Tensor:
        """``(B, nz)`` noise, ``(C, a)`` semantics and ``(B,)`` labels to ``(B, d)`` features in [0, 1]."""
        return torch.sigmoid(self.generator(noise, semantics, labels))

    def fake_noise(self, batch: Batch) -> Tensor:
        """``(B, nz)``: the noise of the critic's fakes, from the encoder or from N(0, 1)."""
        if self.params.encoded_noise:
            return self.encoder.code(batch, self.semantics).noise
        return batch.normal(len(batch), self.noise)

    def adam(self, lr: float) -> Adam:
        """The optimizer of every network but the encoder, which has torch's own decays, as published."""
        return Adam(lr, (self.params.beta1, 0.999))


def with_updates(phase: Phase, **added: Adam) -> Phase:
    """Return ``phase``, which has an optimizer for each module, with the modules of ``added`` as well."""
    assert isinstance(phase.optimizer, Mapping)
    return replace(phase, updates=(*phase.updates, *added), optimizer={**phase.optimizer, **added})


def _refuse_unscaled(features: Tensor) -> None:
    low, high = (bound.item() for bound in features.aminmax())
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise DataError(
            f"the training features lie in [{low:g}, {high:g}], not in [0, 1]",
            where="features",
            fix="run with --preprocessing minmax: the reconstruction is a binary cross-entropy",
        )
