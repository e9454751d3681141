"""CE-GZSL (Han et al., CVPR 2021): a feature-generating GAN and a contrastive embedding, trained together."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Adam, Batch, ClassNoise, Phase, Stage, TrainView
from gzslbench_methods.ce_gzsl import CeGzslParams
from gzslbench_methods.ce_gzsl.pairs import pair_scores
from gzslbench_methods.layers import linear, to_float32
from gzslbench_methods.wgan import Critic, Generator, critic_terms, synthesize


class Embedding(nn.Module):
    """E: features -> h, ReLU; H: h -> z of unit length, for the instance loss."""

    def __init__(self, features: int, embedding: int, projection: int) -> None:
        super().__init__()
        self.to_hidden = linear(features, embedding)
        self.to_projection = linear(embedding, projection)

    def hidden(self, features: Tensor) -> Tensor:
        """``(B, d)`` features to ``(B, e)`` h >= 0."""
        return functional.relu(self.to_hidden(features))

    def project(self, hidden: Tensor) -> Tensor:
        """``(B, e)`` h to ``(B, outz)`` z of unit length."""
        return functional.normalize(to_float32(self.to_projection(hidden)), dim=1)


class Comparator(nn.Module):
    """F(h, a): [h; semantics] -> hidden, LeakyReLU -> relevance score.

    The score has no bias: the softmax over the classes would cancel it.
    """

    def __init__(self, embedding: int, semantics: int, hidden: int) -> None:
        super().__init__()
        self.from_embedding = linear(embedding, hidden, bias=False)
        self.from_semantics = linear(semantics, hidden)
        self.out = linear(hidden, 1, bias=False)

    def forward(self, hidden: Tensor, semantics: Tensor) -> Tensor:
        """``(B, e)`` h and ``(C, a)`` semantics to the ``(B, C)`` scores of all pairs."""
        return pair_scores(self.from_embedding(hidden), self.from_semantics(semantics), self.out.weight[0])


def instance_loss(z: Tensor, labels: Tensor, temperature: float, classes: int) -> Tensor:
    """Instance-level contrast of Han et al. 2021: the supervised "out" form of Khosla et al. 2020.

    For each anchor the mean, over the other rows of its class, of the negative log-softmax of its
    similarities to all other rows; then the mean over the anchors whose class has another row. Zero where
    no anchor has one (the published code then divides 0 by 0).

    The mean similarity to the positives comes from the class sums of ``z``, so the only B x B matrix is
    the one of the similarities. In float32 throughout: bfloat16 cannot count past 256 rows of a class.

    Args:
        z: ``(B, e)`` of unit length.
        labels: ``(B,)`` in 0..classes-1.
        temperature: Divides the similarities, > 0.
        classes: Number of classes.
    """
    with torch.autocast(z.device.type, enabled=False):
        z = to_float32(z)
        others = (z / temperature) @ z.t()
        others.diagonal().fill_(torch.finfo(z.dtype).min)  # in place: a product's gradient does not need it
        sums = z.new_zeros(classes, z.shape[1]).index_add(0, labels, z)
        counts = z.new_zeros(classes).index_add(0, labels, z.new_ones(len(z)))
        positives = (counts - 1).index_select(0, labels)
        toward = ((sums.index_select(0, labels) - z) * z).sum(1) / (temperature * positives.clamp(min=1))
        anchor = (positives > 0).to(z.dtype)
        return (anchor * (others.logsumexp(1) - toward)).sum() / anchor.sum().clamp(min=1)


def class_loss(scores: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Class-level contrast of Han et al. 2021: softmax cross-entropy over the seen classes.

    Args:
        scores: ``(B, C)`` of the comparator.
        labels: ``(B,)`` in 0..C-1.
        temperature: Divides the scores, > 0.
    """
    with torch.autocast(scores.device.type, enabled=False):
        return functional.cross_entropy(to_float32(scores) / temperature, labels)


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
        self.head = params.head_settings()
        if self._reference:
            self.head = replace(self.head, batch_size=params.syn_num)

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
        noise = batch.normal(len(batch), self.noise)
        fake: Tensor = self.generator(noise, self.semantics, batch.labels)
        return fake

    def _instance(self, z: Tensor, labels: Tensor) -> Tensor:
        return instance_loss(z, labels, self.params.ins_temp, len(self.semantics))

    def _class(self, hidden: Tensor, labels: Tensor) -> Tensor:
        return class_loss(self.comparator(hidden, self.semantics), labels, self.params.cls_temp)
