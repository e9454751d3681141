"""DeViSE (Frome et al., NIPS 2013): a bilinear compatibility trained by plain hinges."""

from __future__ import annotations

from torch import Tensor

from gzslbench.plugins import Batch
from gzslbench_methods.bilinear import Bilinear, violations
from gzslbench_methods.devise import DeviseParams


def rank_loss(scores: Tensor, labels: Tensor, margin: float, terms: str) -> Tensor:
    """The hinge rank loss: max(0, margin + F(x, n) - F(x, y)) over the other classes (Frome et al. 2013).

    Args:
        scores: ``(B, C)`` of the seen classes.
        labels: ``(B,)`` in 0..C-1.
        margin: Above 0.
        terms: "all" classes of a row, or the "first" that violates the margin.

    Returns:
        The sum over the rows.
    """
    hinges = violations(scores, labels, margin).relu()
    if terms == "first":
        violating = hinges > 0
        hinges = hinges * (violating & (violating.cumsum(1) == 1))
    return hinges.sum()


class Devise(Bilinear):
    """Hinges of the other classes, each with the same weight."""

    params: DeviseParams

    def hinge_loss(self, batch: Batch) -> dict[str, Tensor]:
        """The hinges of the batch's rows."""
        scores = self.compatibility(batch.features, self.semantics)
        return {"rank": rank_loss(scores, batch.labels, self.params.margin, self.params.terms)}
