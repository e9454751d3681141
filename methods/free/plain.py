"""FREE (Chen et al., ICCV 2021), written plainly.

As in f-VAEGAN-D2, whose plain form this extends: x is a real feature, x̃ a synthesized one, E the encoder,
G the generator, D the critic. Here the semantics are a. FR, the refinement, gives a latent N(μ, s²) as long
as a; c_y is the learned centre of class y.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.f_vaegan_d2.plain import PlainFVaegan, encode
from gzslbench_methods.free import FreeParams
from gzslbench_methods.free.method import LOOPS, Free
from gzslbench_methods.layers import SLOPE
from gzslbench_methods.plain import Batches, iterations, step
from gzslbench_methods.tf_vaegan.plain import weighted_l1


class PlainFree(PlainFVaegan, Free):
    """The networks, stages and synthesis of ``Free``, with the losses as the paper writes them."""

    params: FreeParams

    def critic_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-γ_D L_WGAN + λ_SAMC L_SAMC + λ_R E ‖â - a‖_1, of real features in the last two.

        λ_SAMC is ``center_weight``, λ_R is ``recons_weight``; the L1 norm has TF-VAEGAN's weights.
        """
        p, a = self.params, self.semantics[batch.labels]
        fake = torch.sigmoid(self.logits(self.noise_of_fakes(batch, a), a))
        wgan = self.wgan_terms(batch, fake.detach())
        mean, deviation = self.refine(batch.features)
        center = p.center_weight * self.center_loss(batch, mean)
        lost = weighted_l1(self.expect_semantics(batch, mean, deviation), a)
        return {**wgan, "semantics": p.recons_weight * lost, "center": center}

    def generator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """L_VAE - γ E D(x̃, a) + λ_R E ‖â - a‖_1, of synthesized features in the last two.

        Where the refinement is frozen, but its optimizer steps all the same (``frozen_step``), its
        parameters θ have a gradient of zero, that of 0 Σ θ.
        """
        p, a = self.params, self.semantics[batch.labels]
        mean, log_variance = encode(self.encoder, batch.features, a)
        logits = self.logits(self.draw(batch, mean, log_variance), a)
        fake = torch.sigmoid(logits)
        if not p.encoded_noise:
            fake = torch.sigmoid(self.logits(self.noise_of_fakes(batch, a), a))
        self.move_penalty_weight()
        expected = self.expect_semantics(batch, *self.refine(fake, frozen=p.freeze_dec))
        lost = p.recons_weight * weighted_l1(expected, a)
        if p.freeze_dec and p.frozen_step:
            for parameter in self.refinement.parameters():
                lost = lost + 0 * parameter.sum()
        return {
            **self.vae_terms(batch, mean, log_variance, logits),
            **self.fooling_terms(batch, fake),
            "fake_semantics": lost,
        }

    def center_loss(self, batch: Batch, mean: Tensor) -> Tensor:
        """L_SAMC = E max(0, Δ + γ ‖μ - c_y‖² - (1 - γ) ‖μ - c_y'‖²).

        Δ is ``center_margin``, γ is ``incenter_weight``. y' is the class of the nearest other centre, or a
        random class, which may be y (``other_center``).
        """
        classes, rows = len(self.semantics), torch.arange(len(batch), device=mean.device)
        distances = (mean.unsqueeze(1) - self.centers.weight.unsqueeze(0)).square().sum(dim=2)
        if self.params.other_center == "nearest":
            is_own = functional.one_hot(batch.labels, classes).bool()
            others = distances.masked_fill(is_own, torch.inf).argmin(dim=1)
        else:
            others = (batch.labels + (batch.uniform(len(batch)) * classes).long()) % classes
        margin, gamma = self.params.center_margin, self.params.incenter_weight
        own, other = distances[rows, batch.labels], distances[rows, others]
        return functional.relu(margin + gamma * own - (1 - gamma) * other).mean()

    def expect_semantics(self, batch: Batch, mean: Tensor, deviation: Tensor) -> Tensor:
        """Return â = sigmoid(μ + s ε) with ε ~ N(0, 1): ``(B, a)``."""
        return torch.sigmoid(mean + deviation * batch.normal(*mean.shape))

    def refine(self, x: Tensor, *, frozen: bool = False) -> tuple[Tensor, Tensor]:
        """[μ; l] = W2 LeakyReLU(W1 x + b1) + b2 and s = sigmoid(l), both ``(B, a)``.

        Args:
            x: ``(B, d)``.
            frozen: Whether no gradient goes to W1, b1, W2 and b2.
        """
        first, out = self.refinement.first, self.refinement.out
        w1, b1, w2, b2 = (
            parameter.detach() if frozen else parameter
            for parameter in (first.weight, first.bias, out.weight, out.bias)
        )
        units = functional.leaky_relu(functional.linear(x, w1, b1), SLOPE)
        mean, deviation = functional.linear(units, w2, b2).chunk(2, dim=1)
        return mean, torch.sigmoid(deviation)


def train(method: PlainFree, view: TrainView, batches: Batches) -> None:
    """Play the game of f-VAEGAN-D2, with twice its iterations an epoch.

    The refinement learns with the critic, and with the generator unless ``freeze_dec``, by one Adam. The
    centres learn with the critic; ``variant`` reference never zeroes their gradients, clean does at each
    step. The losses keep λ up to date.
    """
    p, betas = method.params, (method.params.beta1, 0.999)
    critic = torch.optim.Adam(method.critic.parameters(), p.lr, betas)
    encoder = torch.optim.Adam(method.encoder.parameters(), p.lr)
    generator = torch.optim.Adam(method.generator.parameters(), p.lr, betas)
    refinement = torch.optim.Adam(method.refinement.parameters(), p.dec_lr, betas)
    centers = torch.optim.Adam(method.centers.parameters(), p.lr, betas)
    kept = list(method.centers.parameters()) if p.variant == "reference" else []
    refines = not p.freeze_dec or p.frozen_step
    learning = [encoder, generator, refinement] if refines else [encoder, generator]
    stream = batches("game")
    for _ in range(p.epochs * LOOPS * iterations(view, p.batch_size)):
        for _ in range(p.critic_iter):
            batch = next(stream)
            step([critic, refinement, centers], method.critic_loss(batch), kept)
        step(learning, method.generator_loss(batch))
