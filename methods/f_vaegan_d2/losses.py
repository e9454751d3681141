"""The VAE's two losses; the critic's terms are in ``gzslbench_methods.critic_terms``."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from gzslbench_methods.precision import full


def reconstruction_loss(logits: Tensor, features: Tensor) -> Tensor:
    """Binary cross-entropy, summed over the features, mean over the rows.

    Args:
        logits: ``(B, d)``; the reconstruction is their sigmoid.
        features: ``(B, d)`` in [0, 1].
    """
    summed = functional.binary_cross_entropy_with_logits(full(logits), full(features), reduction="sum")
    return summed / len(features)


def divergence_loss(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Mean Kullback-Leibler divergence of N(mean, exp(log_variance)) from N(0, 1), ``(B, nz)`` both."""
    mean, log_variance = full(mean), full(log_variance)
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
