"""CADA-VAE (Schönfeld et al., CVPR 2019), written plainly.

x is a feature and c the semantics of its class. The encoders E1 (of x) and E2 (of c) give the mean μ and the
variance Σ of each latent dimension, the latter as its logarithm. D1 decodes a latent row z to a feature, and
D2 to semantics.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.cada_vae.method import CadaVae
from gzslbench_methods.plain import Batches, iterations, step


class PlainCadaVae(CadaVae):
    """The networks, stage and synthesis of ``CadaVae``, with the losses as the paper writes them."""

    def vae_loss(self, batch: Batch) -> dict[str, Tensor]:
        """L_VAE + γ L_CA + δ L_DA, summed over the rows.

        L_VAE = |x - D1(z1)| + |c - D2(z2)| + β KL(N(μ1, Σ1) ‖ N(0, I)) + β KL(N(μ2, Σ2) ‖ N(0, I))
        L_CA  = |x - D1(z2)| + |c - D2(z1)|
        L_DA  = (‖μ1 - μ2‖² + ‖Σ1^½ - Σ2^½‖²)^½, counted once per row, as in the published program

        β, γ and δ grow with the epochs to ``kl_weight``, ``cross_weight`` and ``align_weight``.
        """
        p, x, c = self.params, batch.features, self.semantics[batch.labels]
        mu1, log_variance1 = self.features_encoder(x)
        mu2, log_variance2 = self.semantics_encoder(c)
        z1 = self.latent(mu1, log_variance1, batch)
        z2 = self.latent(mu2, log_variance2, batch)
        beta = self.grow(p.kl_weight, p.kl_start, p.kl_end, batch)
        gamma = self.grow(p.cross_weight, p.cross_start, p.cross_end, batch)
        delta = self.grow(p.align_weight, p.align_start, p.align_end, batch)
        means = ((mu1 - mu2) ** 2).sum(dim=1)
        deviations = ((torch.exp(log_variance1 / 2) - torch.exp(log_variance2 / 2)) ** 2).sum(dim=1)
        return {
            "features": torch.abs(x - self.features_decoder(z1)).sum(),
            "semantics": torch.abs(c - self.semantics_decoder(z2)).sum(),
            "features_prior": beta * self.divergence(mu1, log_variance1),
            "semantics_prior": beta * self.divergence(mu2, log_variance2),
            "cross_features": gamma * torch.abs(x - self.features_decoder(z2)).sum(),
            "cross_semantics": gamma * torch.abs(c - self.semantics_decoder(z1)).sum(),
            "alignment": delta * torch.sqrt(means + deviations).sum(),
        }

    def latent(self, mu: Tensor, log_variance: Tensor, batch: Batch) -> Tensor:
        """Draw z = μ + Σ^½ ε, with an ε of N(0, 1) for each dimension (``variant`` = clean).

        ``variant`` = reference takes z = μ + Σ ε instead, with one ε for all dimensions of a row.
        """
        if self.params.variant == "reference":
            return mu + torch.exp(log_variance) * batch.normal(len(batch), 1)
        return mu + torch.exp(log_variance / 2) * batch.normal(len(batch), self.params.latent)

    def divergence(self, mu: Tensor, log_variance: Tensor) -> Tensor:
        """KL(N(μ, Σ) ‖ N(0, I)) = -½ Σ (1 + log Σ - μ² - Σ), summed over the rows."""
        return -0.5 * torch.sum(1 + log_variance - mu**2 - torch.exp(log_variance))

    def grow(self, weight: float, start: int, end: int, batch: Batch) -> Tensor:
        """Return a weight that is 0 until epoch ``start``, and grows linearly to ``weight`` at ``end``."""
        epoch = torch.clamp(batch.epoch, start, end)
        return weight * (epoch - start) / (end - start)


def train(method: PlainCadaVae, view: TrainView, batches: Batches) -> None:
    """Train all networks at once. The weights of the losses change from epoch to epoch."""
    p = method.params
    adam = torch.optim.Adam(method.modules.parameters(), p.lr, amsgrad=True)
    stream = batches("vae")
    for epoch in range(p.epochs):
        for _ in range(iterations(view, p.batch_size)):
            batch = replace(next(stream), epoch=torch.tensor(float(epoch)))
            step(adam, method.vae_loss(batch))
