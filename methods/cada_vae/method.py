"""CADA-VAE (Schönfeld et al., CVPR 2019): autoencoders of features and of semantics share a latent space."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gzslbench.plugins import Adam, Batch, ClassNoise, HeadSettings, Phase, Stage, TrainView
from gzslbench_methods.cada_vae import CadaVaeParams
from gzslbench_methods.layers import linear_warmup, to_float32, uninitialized_linear

_GAIN = 0.5  # of the initial weights, as published


def layer(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer with uniform Xavier weights at half gain and zero bias, as published."""
    linear = uninitialized_linear(inputs, outputs)
    nn.init.xavier_uniform_(linear.weight, gain=_GAIN)
    nn.init.zeros_(linear.bias)
    return linear


class Encoder(nn.Module):
    """To the mean and the logarithm of the variance of a normal distribution in the latent space."""

    def __init__(self, inputs: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(layer(inputs, hidden), nn.ReLU())
        self.mean = layer(hidden, latent)
        self.log_variance = layer(hidden, latent)

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """``(n, inputs)`` to ``(n, latent)`` means and ``(n, latent)`` log variances."""
        hidden = self.hidden(rows)
        return self.mean(hidden), self.log_variance(hidden)


def decoder(latent: int, hidden: int, outputs: int) -> nn.Sequential:
    """From ``(n, latent)`` rows to ``(n, outputs)``."""
    return nn.Sequential(layer(latent, hidden), nn.ReLU(), layer(hidden, outputs))


def draw_latent(mean: Tensor, log_variance: Tensor, noise: Tensor, variant: str) -> Tensor:
    """Draw ``(n, latent)`` rows from the distributions, by ``noise_width`` columns of normal noise."""
    power = 1.0 if variant == "reference" else 0.5
    return mean + (power * log_variance).exp() * noise


def noise_width(latent: int, variant: str) -> int:
    """Return how many normal numbers a row takes: one for all dimensions, or one for each."""
    return 1 if variant == "reference" else latent


def reconstruction_loss(rows: Tensor, decoded: Tensor) -> Tensor:
    """Sum of the absolute differences of two ``(B, d)``; for the cross-reconstruction as well."""
    return (to_float32(decoded) - rows).abs().sum()


def prior_loss(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Divergence KL(N(mean, exp(log variance)) || N(0, 1)) of ``(B, latent)``, summed."""
    mean, log_variance = to_float32(mean), to_float32(log_variance)
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()


def alignment_loss(
    mean: Tensor, log_variance: Tensor, mean_other: Tensor, log_variance_other: Tensor
) -> Tensor:
    """2-Wasserstein distance of two normal distributions with diagonal covariances, summed over the rows.

    All are ``(B, latent)``.
    """
    apart = to_float32(mean) - to_float32(mean_other)
    wider = (0.5 * to_float32(log_variance)).exp() - (0.5 * to_float32(log_variance_other)).exp()
    return (apart.square() + wider.square()).sum(1).sqrt().sum()


class CadaVae:
    """The head is fitted in the latent space, on rows drawn for both seen and unseen classes."""

    def __init__(self, view: TrainView, params: CadaVaeParams) -> None:
        features, semantics = view.features.shape[1], view.semantics.shape[1]
        self.params = params
        self.semantics = view.semantics
        self.noise = noise_width(params.latent, params.variant)
        self.features_encoder = Encoder(features, params.features_encoder, params.latent)
        self.semantics_encoder = Encoder(semantics, params.semantics_encoder, params.latent)
        self.features_decoder = decoder(params.latent, params.features_decoder, features)
        self.semantics_decoder = decoder(params.latent, params.semantics_decoder, semantics)
        self.modules = nn.ModuleDict(
            {
                "features_encoder": self.features_encoder,
                "semantics_encoder": self.semantics_encoder,
                "features_decoder": self.features_decoder,
                "semantics_decoder": self.semantics_decoder,
            }
        )
        self.head = HeadSettings(
            per_class=params.syn_num,
            seen_per_class=params.seen_num,
            space="embedding",
            batch_size=params.head_batch_size,
            epochs=params.head_epochs,
            zsl_epochs=params.zsl_epochs,
            lr=params.classifier_lr,
        )

    def stages(self) -> tuple[Stage]:
        """One stage, all networks at once."""
        params = self.params
        adam = Adam(params.lr, amsgrad=True)
        phase = Phase("vae", self.vae_loss, updates=tuple(self.modules), optimizer=adam)
        return (Stage("vae", params.epochs, params.batch_size, (phase,)),)

    def vae_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Both autoencoders' losses, the reconstruction of each by the other, and their distance."""
        params, features = self.params, batch.features
        semantics = self.semantics.index_select(0, batch.labels)
        mean, log_variance = self.features_encoder(features)
        mean_of_class, log_variance_of_class = self.semantics_encoder(semantics)
        z = self._draw(mean, log_variance, batch.normal(len(batch), self.noise))
        z_of_class = self._draw(mean_of_class, log_variance_of_class, batch.normal(len(batch), self.noise))
        kl = linear_warmup(params.kl_weight, batch.epoch, params.kl_start, params.kl_end)
        cross = linear_warmup(params.cross_weight, batch.epoch, params.cross_start, params.cross_end)
        align = linear_warmup(params.align_weight, batch.epoch, params.align_start, params.align_end)
        apart = alignment_loss(mean, log_variance, mean_of_class, log_variance_of_class)
        # Each decoder reads both at once: half as many products, and gradients of its weights to add up.
        both = torch.cat([z, z_of_class])
        own_features, cross_features = self.features_decoder(both).chunk(2)
        cross_semantics, own_semantics = self.semantics_decoder(both).chunk(2)
        return {
            "features": reconstruction_loss(features, own_features),
            "semantics": reconstruction_loss(semantics, own_semantics),
            "features_prior": kl * prior_loss(mean, log_variance),
            "semantics_prior": kl * prior_loss(mean_of_class, log_variance_of_class),
            "cross_features": cross * reconstruction_loss(features, cross_features),
            "cross_semantics": cross * reconstruction_loss(semantics, cross_semantics),
            "alignment": align * apart,
        }

    def synthesize(self, semantics: Tensor, noise: ClassNoise) -> Tensor:
        """``(C, a)`` semantics to ``(len(noise), latent)`` drawn rows, those of one class together."""
        mean, log_variance = (
            rows.repeat_interleave(noise.per_class, 0) for rows in self.semantics_encoder(semantics)
        )
        return self._draw(mean, log_variance, noise.normal(self.noise))

    def sample(self, features: Tensor, noise: ClassNoise) -> Tensor:
        """``(len(noise), d)`` features to latent rows drawn for them."""
        mean, log_variance = self.features_encoder(features)
        return self._draw(mean, log_variance, noise.normal(self.noise))

    def embed(self, features: Tensor) -> Tensor:
        """``(n, d)`` features to their ``(n, latent)`` means."""
        mean: Tensor = self.features_encoder(features)[0]
        return mean

    def _draw(self, mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
        return draw_latent(mean, log_variance, noise, self.params.variant)
