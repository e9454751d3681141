"""SDGZSL's losses."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench_methods.precision import full


def reconstruction_loss(features: Tensor, decoded: Tensor) -> Tensor:
    """Squared length of what the VAE loses of a row, of two ``(B, d)``; the mean over the rows."""
    return (full(decoded) - features).square().sum(1).mean()


def prior_loss(mean: Tensor, variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of ``(B, latent)``; the mean over the rows."""
    mean, variance = full(mean), full(variance)
    return 0.5 * (mean.square() + variance - 1 - variance.log()).sum(1).mean()


def autoencoder_loss(features: Tensor, decoded: Tensor) -> Tensor:
    """Mean squared difference of two ``(B, d)``."""
    return functional.mse_loss(full(decoded), features)


def relation_loss(relations: Tensor, labels: Tensor) -> Tensor:
    """Mean squared difference of relations and 0 or 1, over the rows and the batch's distinct classes.

    Each row stands for its class; a class of k rows counts k times 1/k, so no shape depends on the labels.

    Args:
        relations: ``(B, B)`` of each row's half with the semantics of each row's class.
        labels: ``(B,)``.
    """
    same = (labels.unsqueeze(1) == labels).to(full(relations).dtype)
    once = 1 / same.sum(0)
    return ((full(relations) - same).square().mean(0) * once).sum() / once.sum()


def correlation_loss(scores: Tensor) -> Tensor:
    """Total correlation of the halves as the discriminator sees it: mean of joint less independent score.

    Args:
        scores: ``(B, 2)`` of halves that belong together.
    """
    joint, independent = full(scores).unbind(1)
    return (joint - independent).mean()


def discriminator_loss(together: Tensor, apart: Tensor) -> Tensor:
    """Cross-entropy of telling halves that belong together from halves permuted over the batch.

    Args:
        together: ``(B, 2)`` scores, joint first, of halves of one row.
        apart: ``(B, 2)`` of halves of different rows.
    """
    joint = -functional.log_softmax(full(together), 1)[:, 0].mean()
    return joint - functional.log_softmax(full(apart), 1)[:, 1].mean()


def permuted(halves: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """``(B, 2 half)`` with either half in an order of its own, each given by ``(B,)`` random numbers."""
    one, other = halves.chunk(2, 1)
    return torch.cat([one.index_select(0, first.argsort()), other.index_select(0, second.argsort())], 1)
