"""TF-VAEGAN (Narayan et al., ECCV 2020), written plainly.

As in f-VAEGAN-D2, whose plain form this extends: x is a real feature, x̃ a synthesized one, z noise, E the
encoder, G the generator, D the critic. Here the semantics are a. Dec is the decoder, h its hidden layer,
F the feedback, g the generator's hidden layer.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.f_vaegan_d2.plain import PlainFVaegan, encode, generator_units
from gzslbench_methods.layers import SLOPE
from gzslbench_methods.plain import Batches, iterations, step
from gzslbench_methods.tf_vaegan import TfVaeganParams
from gzslbench_methods.tf_vaegan.method import TfVaegan


def weighted_l1(predicted: Tensor, a: Tensor) -> Tensor:
    """E Σ_k w_k |e_k|, with e = â - a and the weights w_k = e_k² / ‖e‖ of the published code.

    Gradients go through the weights. A row with e = 0 has no loss.

    Args:
        predicted: ``(B, a)``, â.
        a: ``(B, a)``.
    """
    error = predicted - a
    weights = error**2 / error.norm(dim=1, keepdim=True).clamp(min=1e-12)
    lost: Tensor = (weights * error.abs()).sum(dim=1).mean()
    return lost


class PlainTfVaegan(PlainFVaegan, TfVaegan):
    """The networks, stages and synthesis of ``TfVaegan``, with the losses as the paper writes them."""

    params: TfVaeganParams

    def critic_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-γ_D L_WGAN + β E ‖Dec(x) - a‖_1, at x̃ = G(z, a); β is ``recons_weight``."""
        a = self.semantics[batch.labels]
        fake = torch.sigmoid(self.logits(self.noise_of_fakes(batch, a), a))
        return {
            **self.wgan_terms(batch, fake.detach()),
            "semantics": self.params.recons_weight * weighted_l1(self.decode(batch.features), a),
        }

    def generator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """L_VAE - γ E D(x̃, a) + β E ‖Dec(x̃) - a‖_1, where x̃ is as in f-VAEGAN-D2."""
        a = self.semantics[batch.labels]
        mean, log_variance = encode(self.encoder, batch.features, a)
        logits = self.logits(self.draw(batch, mean, log_variance), a)
        fake = torch.sigmoid(logits)
        if not self.params.encoded_noise:
            fake = torch.sigmoid(self.logits(self.noise_of_fakes(batch, a), a))
        return self.all_generator_terms(batch, mean, log_variance, logits, fake)

    def fed_critic_loss(self, batch: Batch) -> dict[str, Tensor]:
        """``critic_loss`` in the second loop, where x̃ is synthesized with feedback."""
        a = self.semantics[batch.labels]
        z = self.noise_of_fakes(batch, a)
        fake = torch.sigmoid(self.fed_logits(z, a, self.without_feedback(z, a)))
        return {
            **self.wgan_terms(batch, fake.detach()),
            "semantics": self.params.recons_weight * weighted_l1(self.decode(batch.features), a),
        }

    def fed_generator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """``generator_loss`` in the second loop: reconstructions and fakes are synthesized with feedback.

        Where fakes come from z ~ N(0, 1), the decoder that feeds them sees the batch's reconstruction
        (``variant`` reference, as in the published code) or G(z, a) of the same z (clean).
        """
        a = self.semantics[batch.labels]
        mean, log_variance = encode(self.encoder, batch.features, a)
        z = self.draw(batch, mean, log_variance)
        logits = self.fed_logits(z, a, self.without_feedback(z, a))
        fake = torch.sigmoid(logits)
        if not self.params.encoded_noise:
            z = self.noise_of_fakes(batch, a)
            seen = fake if self.params.variant == "reference" else self.without_feedback(z, a)
            fake = torch.sigmoid(self.fed_logits(z, a, seen))
        return self.all_generator_terms(batch, mean, log_variance, logits, fake)

    def all_generator_terms(
        self, batch: Batch, mean: Tensor, log_variance: Tensor, logits: Tensor, fake: Tensor
    ) -> dict[str, Tensor]:
        """L_VAE of the reconstruction's logits, -γ E D(x̃, a) and β E ‖Dec(x̃) - a‖_1 of the fakes."""
        self.move_penalty_weight()
        lost = weighted_l1(self.decode(fake), self.semantics[batch.labels])
        return {
            **self.vae_terms(batch, mean, log_variance, logits),
            **self.fooling_terms(batch, fake),
            "fake_semantics": self.params.recons_weight * lost,
        }

    def decode(self, x: Tensor) -> Tensor:
        """Dec(x) = v / ‖v‖ with v = W2 h + b2: ``(B, a)``."""
        return functional.normalize(self.decoder.out(self.decoder_units(x)))

    def decoder_units(self, x: Tensor) -> Tensor:
        """Return h = LeakyReLU(W1 x + b1): ``(B, ngh)``."""
        return functional.leaky_relu(self.decoder.first(x), SLOPE)

    def fed_logits(self, z: Tensor, a: Tensor, seen: Tensor) -> Tensor:
        """W (g + δ F(h)) + b, whose sigmoid is G with feedback: ``(B, d)``; δ is ``a1``.

        h is the decoder's hidden layer for the ``(B, d)`` features ``seen``,
        F(h) = LeakyReLU(V2 LeakyReLU(V1 h + d1) + d2). No gradient goes to h.
        """
        fed = self.feedback.first(self.decoder_units(seen).detach())
        fed = functional.leaky_relu(self.feedback.second(functional.leaky_relu(fed, SLOPE)), SLOPE)
        g = generator_units(self.generator, z, a)
        logits: Tensor = self.generator.out(g + self.params.a1 * fed)
        return logits

    def without_feedback(self, z: Tensor, a: Tensor) -> Tensor:
        """G(z, a), which the decoder sees first."""
        return torch.sigmoid(self.logits(z, a))


def train(method: PlainTfVaegan, view: TrainView, batches: Batches) -> None:
    """Play the game of f-VAEGAN-D2 twice an epoch: without feedback, then with it.

    The decoder learns with the critic, and with the generator unless ``freeze_dec``, by one Adam. The
    feedback learns with the generator of the second loop. The losses keep λ up to date.
    """
    p, betas = method.params, (method.params.beta1, 0.999)
    critic = torch.optim.Adam(method.critic.parameters(), p.lr, betas)
    encoder = torch.optim.Adam(method.encoder.parameters(), p.lr)
    generator = torch.optim.Adam(method.generator.parameters(), p.lr, betas)
    decoder = torch.optim.Adam(method.decoder.parameters(), p.dec_lr, betas)
    feedback = torch.optim.Adam(method.feedback.parameters(), p.feed_lr, betas)
    learning = [encoder, generator] if p.freeze_dec else [encoder, generator, decoder]
    stream = batches("game")
    for _ in range(p.epochs):
        for _ in range(iterations(view, p.batch_size)):
            for _ in range(p.critic_iter):
                batch = next(stream)
                step([critic, decoder], method.critic_loss(batch))
            step(learning, method.generator_loss(batch))
        for _ in range(iterations(view, p.batch_size)):
            for _ in range(p.critic_iter):
                batch = next(stream)
                step([critic, decoder], method.fed_critic_loss(batch))
            step([*learning, feedback], method.fed_generator_loss(batch))
