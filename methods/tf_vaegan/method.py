"""TF-VAEGAN (Narayan et al., ECCV 2020): f-VAEGAN-D2 whose semantic decoder feeds back to the generator."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Batch, ClassNoise, Stage, TrainView
from gzslbench_methods.f_vaegan_d2.method import FVaegan, with_updates
from gzslbench_methods.layers import SLOPE, linear, to_float32
from gzslbench_methods.tf_vaegan import TfVaeganParams
from gzslbench_methods.vaegan import Code
from gzslbench_methods.wgan import synthesize


class SemanticDecoder(nn.Module):
    """Dec(x): features -> hidden, LeakyReLU -> semantics of unit length."""

    def __init__(self, features: int, hidden: int, semantics: int) -> None:
        super().__init__()
        self.first = linear(features, hidden)
        self.out = linear(hidden, semantics)

    def forward(self, features: Tensor) -> Tensor:
        """``(B, d)`` features to ``(B, a)`` semantics."""
        return self.semantics(self.hidden(features))

    def hidden(self, features: Tensor) -> Tensor:
        """``(B, d)`` features to the ``(B, m)`` hidden layer."""
        return functional.leaky_relu(self.first(features), SLOPE)

    def semantics(self, hidden: Tensor) -> Tensor:
        """``(B, m)`` hidden units to ``(B, a)`` semantics, in float32 at least."""
        return functional.normalize(to_float32(self.out(hidden)))


class Feedback(nn.Module):
    """F: the decoder's hidden layer to what is added to the generator's, two layers with LeakyReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = linear(width, width)
        self.second = linear(width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        """``(B, m)`` to ``(B, m)``."""
        return functional.leaky_relu(self.second(functional.leaky_relu(self.first(hidden), SLOPE)), SLOPE)


LEAST = 1e-12
"""Length of an error; below it the weights are not divided by the length."""


def semantic_loss(predicted: Tensor, semantics: Tensor) -> Tensor:
    """Weighted L1 of the semantics, summed over them, mean over the rows (Narayan et al. 2020).

    With e = predicted - semantics a row's absolute errors are weighted by e^2 / |e|, so the row's loss is
    sum |e_k|^3 / |e|; gradients go through the weights too, as in the published code. A row without error
    has a loss of 0.

    Args:
        predicted: ``(B, a)``.
        semantics: ``(B, a)`` of each row's class.
    """
    error = to_float32(predicted) - semantics
    lengths = error.norm(dim=1).clamp(min=LEAST)
    weighted: Tensor = error.abs().pow(3).sum(1) / lengths
    return weighted.mean()


class TfVaegan(FVaegan):
    """An epoch goes twice through its iterations: without feedback, then with it.

    The head is fitted on the features, what the decoder makes of them, and its hidden layer.
    """

    params: TfVaeganParams

    def __init__(self, view: TrainView, params: TfVaeganParams) -> None:
        super().__init__(view, params)
        features, semantics = view.features.shape[1], view.semantics.shape[1]
        self.decoder = SemanticDecoder(features, params.ngh, semantics)
        self.feedback = Feedback(params.ngh)
        self.modules.update({"decoder": self.decoder, "feedback": self.feedback})

    def stages(self) -> tuple[Stage]:
        """f-VAEGAN-D2's phases for each loop; the decoder has one Adam for all of them."""
        (game,) = super().stages()
        critic, generator = game.phases
        decoder = self.adam(self.params.dec_lr)
        critic = with_updates(critic, decoder=decoder)
        if not self.params.freeze_dec:
            generator = with_updates(generator, decoder=decoder)
        fed = with_updates(generator, feedback=self.adam(self.params.feed_lr))
        phases = (
            replace(critic, loop=0),
            replace(generator, loop=0),
            replace(critic, name="fed_critic", loss=self.fed_critic_loss, loop=1),
            replace(fed, name="fed_generator", loss=self.fed_generator_loss, loop=1),
        )
        return (replace(game, phases=phases, loops=2),)

    def critic_loss(self, batch: Batch) -> dict[str, Tensor]:
        """f-VAEGAN-D2's terms, and the decoder's loss of real features."""
        return {**super().critic_loss(batch), **self._decoder_terms(batch)}

    def fed_critic_loss(self, batch: Batch) -> dict[str, Tensor]:
        """``critic_loss`` where the fakes come about with feedback."""
        with torch.no_grad():
            fake = torch.sigmoid(self._fed(self.fake_noise(batch), self.semantics, batch.labels))
        return {**self.critic_terms(fake, batch), **self._decoder_terms(batch)}

    def fed_generator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """``generator_loss`` where reconstructions and fakes come about with feedback."""
        code = self.encoder.code(batch, self.semantics)
        logits = self._fed(code.noise, self.semantics, batch.labels)
        fake = torch.sigmoid(logits)
        if not self.params.encoded_noise:
            decoded = fake if self.params.variant == "reference" else None
            noise = self.fake_noise(batch)
            fake = torch.sigmoid(self._fed(noise, self.semantics, batch.labels, decoded=decoded))
        return self.generator_terms(code, logits, fake, batch)

    def generator_terms(self, code: Code, logits: Tensor, fake: Tensor, batch: Batch) -> dict[str, Tensor]:
        """f-VAEGAN-D2's terms, and the decoder's loss of the fakes."""
        lost = semantic_loss(self.decoder(fake), self.semantics[batch.labels])
        return {
            **super().generator_terms(code, logits, fake, batch),
            "fake_semantics": self.params.recons_weight * lost,
        }

    def synthesize(self, semantics: Tensor, noise: ClassNoise) -> Tensor:
        """As f-VAEGAN-D2, with feedback."""
        fed = partial(self._fed, share=self.params.a2)
        logits = synthesize(fed, self.noise, functional.normalize(semantics), noise)
        return torch.sigmoid(logits)

    def embed(self, features: Tensor) -> Tensor:
        """``(n, d)`` features to ``(n, d + a + ngh)``: features, decoded semantics, hidden layer."""
        hidden = self.decoder.hidden(features)
        return torch.cat([features, self.decoder.semantics(hidden), hidden], dim=1)

    def _decoder_terms(self, batch: Batch) -> dict[str, Tensor]:
        lost = semantic_loss(self.decoder(batch.features), self.semantics[batch.labels])
        return {"semantics": self.params.recons_weight * lost}

    def _fed(
        self,
        noise: Tensor,
        semantics: Tensor,
        labels: Tensor,
        share: float | None = None,
        decoded: Tensor | None = None,
    ) -> Tensor:
        """The generator's ``(B, d)`` logits with feedback; no gradient goes through what the decoder sees.

        Args:
            noise: ``(B, nz)``.
            semantics: ``(C, a)``.
            labels: ``(B,)``.
            share: Of the feedback; None for that of the training, a1.
            decoded: ``(B, d)`` features that the decoder sees; None for what comes about without feedback.
        """
        hidden = self.generator.hidden(noise, semantics, labels)
        with torch.no_grad():
            seen = torch.sigmoid(self.generator.logits(hidden)) if decoded is None else decoded
            feedback = self.decoder.hidden(seen)
        share = self.params.a1 if share is None else share
        return self.generator.logits(hidden + share * self.feedback(feedback))
