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
        chunk: Hidden units held at once (at least one pair's); by device where None.

    Returns:
        ``(B, C)``.
    """
    chunk = chunk or CHUNK.get(left.device.type, CHUNK["cuda"])
    return _PairScores.apply(left.to(weight.dtype), right.to(weight.dtype), weight, chunk)


class _PairScores(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, weight: Tensor, chunk: int) -> Tensor:
        ctx.save_for_backward(left, right, weight)
        ctx.chunk = chunk
        with torch.autocast(left.device.type, enabled=False):
            scores = left.new_empty(len(left), len(right))
            negated = -right
            for rows, columns, pairs in _blocks(left, right, chunk):
                torch.maximum(left[rows, None], negated[columns], out=pairs)
                scores[rows, columns] = pairs @ weight
            by_row, by_column = left @ weight, right @ weight
            return scores.mul_(1 - SLOPE).add_(SLOPE * by_row[:, None]).add_(by_column)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        left, right, weight = ctx.saved_tensors
        for_left, for_right, for_weight = ctx.needs_input_grad[:3]
        grad_left = grad_right = grad_weight = None
        with torch.autocast(left.device.type, enabled=False):
            if for_left or for_weight:
                slopes = _weighted_slopes(grad, left, right, ctx.chunk)
                grad_left = slopes * weight
                grad_weight = (slopes * left).sum(0)
            if for_right or for_weight:
                slopes = _weighted_slopes(grad.t().contiguous(), right, left, ctx.chunk)
                grad_right = slopes * weight
                grad_weight = None if grad_weight is None else grad_weight + (slopes * right).sum(0)
        return grad_left, grad_right, grad_weight, None


def _weighted_slopes(grad: Tensor, left: Tensor, right: Tensor, chunk: int) -> Tensor:
    """``(B, H)``: for each row of ``left``, the sum of the slopes at its pairs, weighted by ``grad``."""
    sums = torch.zeros_like(left)
    negated = -right
    for rows, columns, pairs in _blocks(left, right, chunk):
        torch.gt(left[rows, None], negated[columns], out=pairs)
        sums[rows, None].baddbmm_(grad[rows, None, columns], pairs)
    return sums.mul_(1 - SLOPE).add_(SLOPE * grad.sum(1, keepdim=True))


def _blocks(left: Tensor, right: Tensor, chunk: int) -> Iterator[tuple[slice, slice, Tensor]]:
    """Blocks of pairs with a buffer for their hidden units, ``(rows, columns, H)`` of the same memory."""
    width = min(len(right), max(1, chunk // right.shape[1]))
    height = min(len(left), max(1, chunk // (width * right.shape[1])))
    buffer = left.new_empty(height * width, right.shape[1])
    for columns in _slices(len(right), width):
        for rows in _slices(len(left), height):
            shape = (rows.stop - rows.start, columns.stop - columns.start)
            yield rows, columns, buffer[: shape[0] * shape[1]].view(*shape, -1)


def _slices(length: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, length)) for start in range(0, length, step))
