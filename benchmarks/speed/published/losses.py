"""The losses of CE-GZSL in the forms they are published in."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

ClassScores = Callable[[nn.Module, Tensor, Tensor], Tensor]


def loop_scores(comparator: nn.Module, hidden: Tensor, semantics: Tensor) -> Tensor:
    """``(B, C)`` scores, one sample after another, each against all classes."""
    scores = hidden.new_empty(len(hidden), len(semantics))
    for i, row in enumerate(hidden):
        scores[i] = comparator(row.expand(len(semantics), -1), semantics).squeeze(1)
    return scores


def pair_matrix_scores(comparator: nn.Module, hidden: Tensor, semantics: Tensor) -> Tensor:
    """``(B, C)`` scores from the matrix of all B * C pairs [h; a]."""
    rows = hidden.repeat_interleave(len(semantics), dim=0)
    classes = semantics.repeat(len(hidden), 1)
    scores: Tensor = comparator(rows, classes)
    return scores.view(len(hidden), len(semantics))


def class_loss(scores: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Cross-entropy over the seen classes."""
    return nn.functional.cross_entropy(scores / temperature, labels)


def instance_loss(z: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """The supervised contrast with its B x B masks, logits and logarithms of probabilities."""
    mask = (labels[:, None] == labels[None, :]).to(z.dtype)
    logits = (z @ z.T) / temperature
    logits = logits - logits.max(dim=1, keepdim=True).values.detach()
    others = 1 - torch.eye(len(z), device=z.device, dtype=z.dtype)
    mask = mask * others
    log_prob = logits - torch.log((torch.exp(logits) * others).sum(1, keepdim=True))
    positives = mask.sum(1)
    kept = positives > 0
    return -((mask * log_prob).sum(1)[kept] / positives[kept]).mean()


def gradient_penalty(
    critic: nn.Module, real: Tensor, fake: Tensor, semantics: Tensor, mix: Tensor, weight: float
) -> Tensor:
    """The penalty at the interpolate ``mix`` of the way to ``real``.

    Its gradient comes from autograd, and is differentiated once more.
    """
    between = (mix * real + (1 - mix) * fake).requires_grad_(True)
    score = critic(between, semantics)
    (gradient,) = torch.autograd.grad(
        score, between, torch.ones_like(score), create_graph=True, retain_graph=True
    )
    penalty: Tensor = ((gradient.norm(2, dim=1) - 1) ** 2).mean()
    return weight * penalty
