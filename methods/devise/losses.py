"""DeViSE's hinges."""

from __future__ import annotations

from torch import Tensor

from gzslbench_methods.bilinear import violations


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
