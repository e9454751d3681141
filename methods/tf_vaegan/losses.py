"""The semantic decoder's loss; the other losses are f-VAEGAN-D2's."""

from __future__ import annotations

from torch import Tensor

from gzslbench_methods.precision import full

LEAST = 1e-12
"""Of an error's length, below which its weights are no longer scaled by it."""


def semantic_loss(predicted: Tensor, semantics: Tensor) -> Tensor:
    """Weighted L1 of the semantics, summed over them, mean over the rows (Narayan et al. 2020).

    With e = predicted - semantics a row's absolute errors are weighted by e^2 / |e|, so the row's loss is
    sum |e_k|^3 / |e|; gradients go through the weights too, as in the published code. A row without error
    has a loss of 0.

    Args:
        predicted: ``(B, a)``.
        semantics: ``(B, a)`` of each row's class.
    """
    error = full(predicted) - semantics
    lengths = error.norm(dim=1).clamp(min=LEAST)
    return (error.abs().pow(3).sum(1) / lengths).mean()
