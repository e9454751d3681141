"""CADA-VAE's losses, each summed over the batch."""

from __future__ import annotations

from torch import Tensor

from gzslbench_methods.precision import full


def reconstruction_loss(rows: Tensor, decoded: Tensor) -> Tensor:
    """Sum of the absolute differences of two ``(B, d)``; for the cross-reconstruction as well."""
    return (full(decoded) - rows).abs().sum()


def prior_loss(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Divergence KL(N(mean, exp(log variance)) || N(0, 1)) of ``(B, latent)``, summed."""
    mean, log_variance = full(mean), full(log_variance)
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()


def alignment_loss(
    mean: Tensor, log_variance: Tensor, mean_other: Tensor, log_variance_other: Tensor
) -> Tensor:
    """2-Wasserstein distance of two normal distributions with diagonal covariances, summed over the rows.

    All are ``(B, latent)``.
    """
    apart = full(mean) - full(mean_other)
    wider = (0.5 * full(log_variance)).exp() - (0.5 * full(log_variance_other)).exp()
    return (apart.square() + wider.square()).sum(1).sqrt().sum()
