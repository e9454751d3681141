"""ZLAP's logits and their adjustment."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def cosine_logits(features: Tensor, prototypes: Tensor, temperature: float) -> Tensor:
    """``(n, e)`` features and ``(K, e)`` prototypes to ``(n, K)`` cosines over the temperature."""
    return functional.normalize(features, dim=1) @ functional.normalize(prototypes, dim=1).t() / temperature


def log_priors(labels: Tensor, seen: Tensor, seen_ratio: float) -> Tensor:
    """``(K,)`` log p(class | its group) + log p(group), for the groups of seen and of unseen classes.

    Within a group a class is as probable as it is frequent among the labels, one without rows as one with a
    single row; the groups' probabilities have the ratio ``seen_ratio``. Without classes of one group, the
    other has probability 1 (Chen et al. 2022).

    Args:
        labels: ``(n,)`` in 0..K-1.
        seen: ``(K,)`` bool.
        seen_ratio: p(seen) / p(unseen), above 0.
    """
    counts = torch.bincount(labels, minlength=len(seen)).clamp(min=1).double()
    share = counts / torch.where(seen, counts[seen].sum(), counts[~seen].sum())
    if seen.all() or not seen.any():
        return share.log()
    return (share * torch.where(seen, seen_ratio / (1 + seen_ratio), 1 / (1 + seen_ratio))).log()


def adjusted_loss(logits: Tensor, priors: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of ``(B, K)`` logits with the ``(K,)`` log priors added to them."""
    return functional.cross_entropy(logits + priors, labels)
