"""ALE (Akata et al., TPAMI 2016): a bilinear compatibility trained to rank the own class first."""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench.plugins import Batch
from gzslbench_methods.ale import AleParams
from gzslbench_methods.bilinear import Bilinear, violations


def ranking_loss(scores: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Weighted ranking: beta_r / r times a row's sum of hinges, summed over the rows (Akata et al. 2016).

    r is how many classes violate the margin, and beta_r = 1 + 1/2 + ... + 1/r (Usunier et al. 2009).

    Args:
        scores: ``(B, C)`` of the seen classes.
        labels: ``(B,)`` in 0..C-1.
        margin: Above 0.
    """
    hinges = violations(scores, labels, margin).relu()
    rank = (hinges > 0).sum(1)
    weights = harmonic(scores) / torch.arange(scores.shape[1], device=scores.device).clamp(min=1)
    return (weights.index_select(0, rank) * hinges.sum(1)).sum()


def position_loss(scores: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Hinges weighted by place: the i-th of the C - 1 other classes, in their order, has beta_[(C - 1) / i].

    The place stands in for the number of trials after which WSABIE finds a violating class at random; a row
    does not end with the first such class, though, so its weights follow nothing but the order of classes.

    Args:
        scores: ``(B, C)`` of the seen classes.
        labels: ``(B,)`` in 0..C-1.
        margin: Above 0.
    """
    classes = torch.arange(scores.shape[1], device=scores.device)
    others = scores.shape[1] - 1
    by_class = harmonic(scores).index_select(0, others // (classes + 1))  # of class i + 1 as the i-th other
    before = classes < labels.unsqueeze(1)
    weights = torch.where(before, by_class, by_class.roll(1))
    return (weights * violations(scores, labels, margin).relu()).sum()


def harmonic(scores: Tensor) -> Tensor:
    """``(C,)``: beta_0 = 0 to beta_(C - 1), where ``scores`` lie."""
    ranks = torch.arange(scores.shape[1], device=scores.device, dtype=scores.dtype)
    return torch.where(ranks > 0, 1 / ranks.clamp(min=1), 0.0).cumsum(0)


class Ale(Bilinear):
    """Hinges weighted by the rank of the own class."""

    params: AleParams

    def hinge_loss(self, batch: Batch) -> dict[str, Tensor]:
        """The weighted hinges of the batch's rows."""
        scores = self.compatibility(batch.features, self.semantics)
        loss = ranking_loss if self.params.weights == "rank" else position_loss
        return {"ranking": loss(scores, batch.labels, self.params.margin)}
