"""Scores of all pairs of two sets under a two-layer network, without ever holding all pairs' hidden units.

A network of one hidden layer over [h; a] has the hidden pre-activation P_b + Q_c for the pair (b, c),
where P = W_h h and Q = W_a a + bias. Its score is sum_k w_k LeakyReLU(P_bk + Q_ck). With

    LeakyReLU(x) = s x + (1 - s) relu(x)    and    relu(p + q) = max(p, -q) + q

only max(P_bk, -Q_ck) is left to be formed for each pair: one pass over a chunk of pairs that stays in the
cache, reduced at once by w. The backward pass forms the chunk again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gzslbench_methods.linear import SLOPE

CHUNK = {"cpu": 1 << 18, "cuda": 1 << 26}
"""Hidden units of pairs held at once, by device."""


def pair_scores(left: Tensor, right: Tensor, weight: Tensor, chunk: int | None = None) -> Tensor:
    """Every pair's score: ``sum_k weight[k] * leaky_relu(left[b, k] + right[c, k])``.

    Args:
        left: ``(B, H)``.
        right: ``(C, H)``.
        weight: ``(H,)``.
        chunk: Hidden units held at once (at least one row of pairs, C * H, is); by device where None.

    Returns:
        ``(B, C)``.
    """
    chunk = chunk or CHUNK.get(left.device.type, CHUNK["cuda"])
    return _PairScores.apply(left.to(weight.dtype), right.to(weight.dtype), weight, chunk)


class _PairScores(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, weight: Tensor, chunk: int) -> Tensor:
        with torch.autocast(left.device.type, enabled=False):
            ctx.save_for_backward(left, right, weight)
            ctx.chunk = chunk
            scores = left.new_empty(len(left), len(right))
            negated = -right
            for rows, pairs in _chunks(left, right, chunk):
                torch.maximum(left[rows, None], negated, out=pairs)
                scores[rows] = pairs @ weight
            by_row, by_column = left @ weight, right @ weight
            return scores.mul_(1 - SLOPE).add_(SLOPE * by_row[:, None]).add_(by_column)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        left, right, weight = ctx.saved_tensors
        for_left, for_right, for_weight = ctx.needs_input_grad[:3]
        with torch.autocast(left.device.type, enabled=False):
            slopes_left, slopes_right = _weighted_slopes(
                grad, left, right, ctx.chunk, for_right or for_weight
            )
            grad_weight = (left * slopes_left).sum(0) + (right * slopes_right).sum(0) if for_weight else None
            return (
                slopes_left * weight if for_left else None,
                slopes_right * weight if for_right else None,
                grad_weight,
                None,
            )


def _weighted_slopes(
    grad: Tensor, left: Tensor, right: Tensor, chunk: int, both: bool
) -> tuple[Tensor, Tensor]:
    """The slopes at all pairs times ``grad``: summed over the columns ``(B, H)``, over the rows ``(C, H)``.

    The second is left unsummed (meaningless) unless ``both``.
    """
    over_columns, over_rows = torch.zeros_like(left), torch.zeros_like(right)
    negated = -right
    for rows, pairs in _chunks(left, right, chunk):
        torch.gt(left[rows, None], negated, out=pairs)
        torch.bmm(grad[rows, None], pairs, out=over_columns[rows, None])
        if both:
            over_rows += torch.bmm(grad[rows].t().unsqueeze(1), pairs.transpose(0, 1)).squeeze(1)
    over_columns.mul_(1 - SLOPE).add_(SLOPE * grad.sum(1, keepdim=True))
    over_rows.mul_(1 - SLOPE).add_(SLOPE * grad.sum(0)[:, None])
    return over_columns, over_rows


def _chunks(left: Tensor, right: Tensor, chunk: int) -> Iterator[tuple[slice, Tensor]]:
    """A few rows of ``left`` at a time, each with the same buffer ``(rows, C, H)`` for their pairs."""
    size = min(len(left), max(1, chunk // max(1, right.numel())))
    buffer = left.new_empty(size, *right.shape)
    for start in range(0, len(left), size):
        rows = slice(start, min(start + size, len(left)))
        yield rows, buffer[: rows.stop - start]
