"""f-VAEGAN-D2 (Xian et al., CVPR 2019), inductive, written plainly.

x is a real feature, c the semantics of its class at unit length, D the critic. The encoder E gives
q(z | x, c) = N(μ, σ²); G is the generator and the VAE's decoder, x̃ = G(z, c).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.f_vaegan_d2.method import FVaegan
from gzslbench_methods.layers import SLOPE
from gzslbench_methods.plain import Batches, criticise, gradient_penalty, iterations, pair, step
from gzslbench_methods.vaegan import Encoder, SigmoidGenerator


def encode(encoder: Encoder, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """[μ; log σ²] = W3 LeakyReLU(W2 LeakyReLU(W1 [x; c] + b1) + b2) + b3, both ``(B, nz)``."""
    units = functional.leaky_relu(pair(encoder.from_features, encoder.from_semantics, x, c), SLOPE)
    mean, log_variance = encoder.out(functional.leaky_relu(encoder.narrow(units), SLOPE)).chunk(2, dim=1)
    return mean, log_variance


def generator_units(generator: SigmoidGenerator, z: Tensor, c: Tensor) -> Tensor:
    """LeakyReLU(W1 [z; c] + b1), the hidden layer of G: ``(B, nz)`` and ``(B, a)`` to ``(B, ngh)``."""
    return functional.leaky_relu(pair(generator.from_noise, generator.from_semantics, z, c), SLOPE)


class PlainFVaegan(FVaegan):
    """The networks, stages and synthesis of ``FVaegan``, with the losses as the paper writes them."""

    def critic_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-γ_D L_WGAN, at x̃ = G(z, c)."""
        c = self.semantics[batch.labels]
        fake = torch.sigmoid(self.logits(self.noise_of_fakes(batch, c), c))
        return self.wgan_terms(batch, fake.detach())

    def generator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """L_VAE - γ E D(x̃, c), where x̃ is the reconstruction, or is G(z, c) of z ~ N(0, 1)."""
        c = self.semantics[batch.labels]
        mean, log_variance = encode(self.encoder, batch.features, c)
        logits = self.logits(self.draw(batch, mean, log_variance), c)
        fake = torch.sigmoid(logits)
        if not self.params.encoded_noise:
            fake = torch.sigmoid(self.logits(self.noise_of_fakes(batch, c), c))
        self.move_penalty_weight()
        return {**self.vae_terms(batch, mean, log_variance, logits), **self.fooling_terms(batch, fake)}

    def wgan_terms(self, batch: Batch, fake: Tensor) -> dict[str, Tensor]:
        """-γ_D L_WGAN = γ_D (E D(x̃, c) - E D(x, c) + λ E (‖∇ D(x̂, c)‖ - 1)²).

        γ_D, which only the published code of TF-VAEGAN has, is ``gamma_d``. λ is ``lambda_gp``, or starts
        there and is moved.
        """
        x, c = batch.features, self.semantics[batch.labels]
        mix = batch.uniform(len(batch), 1)
        penalty = gradient_penalty(self.critic, x, fake, c, mix)
        if self.params.adapt_penalty:
            self.penalty.total += penalty.detach()
        difference = criticise(self.critic, fake, c).mean() - criticise(self.critic, x, c).mean()
        gamma = self.params.gamma_d
        return {"critic": gamma * difference, "penalty": gamma * self.penalty.value * penalty}

    def vae_terms(
        self, batch: Batch, mean: Tensor, log_variance: Tensor, logits: Tensor
    ) -> dict[str, Tensor]:
        """L_VAE = KL(q(z | x, c) ‖ N(0, 1)) - E log p(x | z, c).

        The divergence of a row is -½ Σ (1 + log σ² - μ² - σ²); log p is Σ x log x̃ + (1 - x) log(1 - x̃) over
        the features, with x̃ = sigmoid(l) and so 1 - x̃ = sigmoid(-l) for the ``(B, d)`` logits l.
        """
        x, own, rest = batch.features, functional.logsigmoid(logits), functional.logsigmoid(-logits)
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(dim=1)
        return {
            "reconstruction": -(x * own + (1 - x) * rest).sum(dim=1).mean(),
            "divergence": divergence.mean(),
        }

    def fooling_terms(self, batch: Batch, fake: Tensor) -> dict[str, Tensor]:
        """-γ E D(x̃, c); γ is ``gamma_g``."""
        scores = criticise(self.critic, fake, self.semantics[batch.labels])
        return {"generator": -self.params.gamma_g * scores.mean()}

    def move_penalty_weight(self) -> None:
        """Move λ after the critic's steps: times 1.1 if their mean penalty > 1.05, by 1.1 if it < 1.001."""
        if not self.params.adapt_penalty:
            return
        mean = self.penalty.total / self.params.critic_iter
        self.penalty.value *= torch.where(mean > 1.05, 1.1, 1.0)
        self.penalty.value /= torch.where(mean < 1.001, 1.1, 1.0)
        self.penalty.total.zero_()

    def noise_of_fakes(self, batch: Batch, c: Tensor) -> Tensor:
        """Return z of the critic's fakes: from q(z | x, c) with ``encoded_noise``, else from N(0, 1)."""
        if self.params.encoded_noise:
            return self.draw(batch, *encode(self.encoder, batch.features, c))
        return batch.normal(len(batch), self.noise)

    def draw(self, batch: Batch, mean: Tensor, log_variance: Tensor) -> Tensor:
        """Return z = μ + σ ε with ε ~ N(0, 1)."""
        return mean + (0.5 * log_variance).exp() * batch.normal(*mean.shape)

    def logits(self, z: Tensor, c: Tensor) -> Tensor:
        """W2 LeakyReLU(W1 [z; c] + b1) + b2, whose sigmoid is G(z, c): ``(B, d)``."""
        logits: Tensor = self.generator.out(generator_units(self.generator, z, c))
        return logits


def train(method: PlainFVaegan, view: TrainView, batches: Batches) -> None:
    """Play the game: ``critic_iter`` steps of the critic, one of encoder and generator on its last batch.

    The encoder's Adam has torch's own first moment decay. The losses keep λ up to date.
    """
    p, betas = method.params, (method.params.beta1, 0.999)
    critic = torch.optim.Adam(method.critic.parameters(), p.lr, betas)
    encoder = torch.optim.Adam(method.encoder.parameters(), p.lr)
    generator = torch.optim.Adam(method.generator.parameters(), p.lr, betas)
    stream = batches("game")
    for _ in range(p.epochs * iterations(view, p.batch_size)):
        for _ in range(p.critic_iter):
            batch = next(stream)
            step(critic, method.critic_loss(batch))
        step([encoder, generator], method.generator_loss(batch))
