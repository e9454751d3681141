"""What methods on region features share: losses over seen and unseen classes, margins, batches, grids."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from gzslbench.plugins import Episodes
from gzslbench.plugins.method import Sampling


def calibration_loss(scores: Tensor, seen: int, margin: float) -> Tensor:
    """Minus the logarithm of the mean probability that the rows of a batch give to all unseen classes.

    Args:
        scores: ``(B, C)`` of ``seen`` seen classes, then of the unseen ones.
        seen: Number of seen classes.
        margin: Added to the scores of unseen classes, and subtracted from the others.
    """
    shifted = shift_by_margin(scores, seen, margin)
    # The unseen share is a softmax of two sums, so that no small probability is added up.
    sums = torch.stack([shifted[:, :seen].logsumexp(1), shifted[:, seen:].logsumexp(1)], dim=1)
    unseen = sums.log_softmax(dim=1)[:, 1]
    return math.log(len(unseen)) - unseen.logsumexp(0)


def shift_by_margin(scores: Tensor, seen: int, margin: float) -> Tensor:
    """Subtract the margin from the first ``seen`` columns of ``(B, C)`` scores, and add it to the others."""
    return torch.cat([scores[:, :seen] - margin, scores[:, seen:] + margin], dim=1)


def margins_of(semantics: Tensor, seen_semantics: Tensor, margin: float) -> Tensor:
    """Return ``(C,)`` what to add to the scores of classes with these ``(C, a)`` semantics.

    A class counts as seen if its semantics are those of a seen class.
    """
    seen = (semantics[:, None] == seen_semantics).all(-1).any(1)
    return torch.where(seen, -margin, margin)


def scale_semantics(semantics: Tensor, nonnegative: bool) -> Tensor:
    """Give ``(C, a)`` semantics length 1, after negative values, if so set, have become 0."""
    return functional.normalize(semantics.clamp_min(0) if nonnegative else semantics, dim=1)


def choose_sampling(classes: int, batch_size: int, balanced: bool) -> Sampling | Episodes:
    """Return how batches are drawn: afresh of all rows, or with rows of as many classes as possible."""
    if not balanced:
        return "draw"
    return Episodes(min(classes, batch_size), max(1, batch_size // classes))


def episode_rows(classes: int, batch_size: int, balanced: bool) -> int:
    """Return how many rows a batch of ``choose_sampling`` has."""
    sampling = choose_sampling(classes, batch_size, balanced)
    return sampling.classes * sampling.rows if isinstance(sampling, Episodes) else batch_size


def arrange(regions: int) -> tuple[int, int]:
    """Return the rows and columns of a grid of so many regions, as near to a square as possible."""
    rows = max(number for number in range(1, math.isqrt(regions) + 1) if regions % number == 0)
    return rows, regions // rows
