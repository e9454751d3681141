"""Scores of all pairs of two sets under a two-layer network, without storing all pairs' hidden units.

A network of one hidden layer over [h; a] has the hidden pre-activation P_b + Q_c for the pair (b, c),
where P = W_h h and Q = W_a a + bias. Its score is sum_k w_k LeakyReLU(P_bk + Q_ck). With

    LeakyReLU(x) = s x + (1 - s) relu(x)    and    relu(p + q) = max(p, -q) + q

only sum_k w_k max(P_bk, -Q_ck) must be computed for each pair. The backward pass needs, for each row of one
side, the upstream gradient summed over those rows of the other side whose sum with it is positive.

Both sums have two forms. The plain form works on a chunk of pairs at a time, small enough to stay in the
cache. In the compiled form a pair's hidden units stay in registers; compiling takes some seconds.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gzslbench.computing.compilation import Compilation
from gzslbench.computing.memory import Chunk
from gzslbench_methods.layers import SLOPE

MIN_COMPILED_UNITS = 1 << 22
"""Hidden units of all pairs from which on compiling pays."""
CHUNKS = {
    "cpu": Chunk(1 << 18, "hidden units of pairs at once"),
    "cuda": Chunk(1 << 26, "hidden units of pairs at once"),
}
_NAME = "class scores"


def pair_scores(left: Tensor, right: Tensor, weight: Tensor) -> Tensor:
    """Score every pair: ``sum_k weight[k] * leaky_relu(left[b, k] + right[c, k])``.

    Args:
        left: ``(B, H)``.
        right: ``(C, H)``.
        weight: ``(H,)``.

    Returns:
        ``(B, C)``, in the precision of ``weight``.
    """
    left, right = left.to(weight.dtype), right.to(weight.dtype)
    scores: Tensor = _PairScores.apply(left, right, weight)  # type: ignore[no-untyped-call]
    return scores


class _PairScores(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(left, right, weight)
        with torch.autocast(left.device.type, enabled=False):
            scores = _weighted_maxima(left, -right, weight)
            by_row, by_column = left @ weight, right @ weight
            return scores.mul_(1 - SLOPE).add_(SLOPE * by_row[:, None]).add_(by_column)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        left, right, weight = ctx.saved_tensors
        for_left, for_right, for_weight = ctx.needs_input_grad
        grad_left = grad_right = grad_weight = None
        with torch.autocast(left.device.type, enabled=False):
            if for_left or for_weight:
                slopes = _summed_slopes(grad, left, right)
                grad_left = slopes * weight
                grad_weight = (slopes * left).sum(0)
            if for_right or for_weight:
                slopes = _summed_slopes(grad.t().contiguous(), right, left)
                grad_right = slopes * weight
                grad_weight = None if grad_weight is None else grad_weight + (slopes * right).sum(0)
        return grad_left, grad_right, grad_weight


def _summed_slopes(grad: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """``(B, H)``: for each row of ``left``, the sum of the slopes at its pairs, weighted by ``grad``."""
    sums = _sums_above(grad, left, -right)
    return sums.mul_(1 - SLOPE).add_(SLOPE * grad.sum(1, keepdim=True))


def _weighted_maxima(left: Tensor, negated: Tensor, weight: Tensor) -> Tensor:
    """``(B, C)``: the sum over k of ``weight[k] * max(left[b, k], negated[c, k])``."""
    if worth_compiling(left, negated):
        return compilation().run(
            _NAME, _weighted_maxima_compiled, _weighted_maxima_in_chunks, left, negated, weight
        )
    return _weighted_maxima_in_chunks(left, negated, weight)


def _sums_above(grad: Tensor, left: Tensor, negated: Tensor) -> Tensor:
    """``(B, H)``: the sum of ``grad[b, c]`` over the c whose ``negated[c, k]`` is below ``left[b, k]``."""
    if worth_compiling(left, negated):
        return compilation().run(_NAME, _sums_above_compiled, _sums_above_in_chunks, grad, left, negated)
    return _sums_above_in_chunks(grad, left, negated)


def worth_compiling(left: Tensor, right: Tensor) -> bool:
    """Return whether there are enough pairs that compiling pays."""
    return len(left) * right.numel() >= MIN_COMPILED_UNITS


@functools.cache
def compilation() -> Compilation:
    """Return the compilation of this process."""
    return Compilation()


def _weighted_maxima_compiled(left: Tensor, negated: Tensor, weight: Tensor) -> Tensor:
    return (torch.maximum(left[:, None], negated[None]) * weight).sum(-1)


def _sums_above_compiled(grad: Tensor, left: Tensor, negated: Tensor) -> Tensor:
    return torch.where(left[:, None] > negated[None], grad[:, :, None], 0.0).sum(1)


def _weighted_maxima_in_chunks(left: Tensor, negated: Tensor, weight: Tensor) -> Tensor:
    def work(size: int) -> Tensor:
        sums = left.new_empty(len(left), len(negated))
        for rows, columns, pairs in _blocks(left, negated, size):
            torch.maximum(left[rows, None], negated[columns], out=pairs)
            sums[rows, columns] = pairs @ weight
        return sums

    return _chunk(left).with_oom_backoff(work, least=left.shape[1])


def _sums_above_in_chunks(grad: Tensor, left: Tensor, negated: Tensor) -> Tensor:
    def work(size: int) -> Tensor:
        sums = torch.zeros_like(left)
        for rows, columns, pairs in _blocks(left, negated, size):
            torch.gt(left[rows, None], negated[columns], out=pairs)
            sums[rows, None].baddbmm_(grad[rows, None, columns], pairs)
        return sums

    return _chunk(left).with_oom_backoff(work, least=left.shape[1])


def _chunk(left: Tensor) -> Chunk:
    return CHUNKS.get(left.device.type, CHUNKS["cuda"])


def _blocks(left: Tensor, right: Tensor, size: int) -> Iterator[tuple[slice, slice, Tensor]]:
    """Yield blocks of pairs, each with the same buffer for their hidden units, ``(rows, columns, H)``."""
    width = min(len(right), max(1, size // right.shape[1]))
    height = min(len(left), max(1, size // (width * right.shape[1])))
    buffer = left.new_empty(height * width, right.shape[1])
    for columns in _slices(len(right), width):
        for rows in _slices(len(left), height):
            shape = (rows.stop - rows.start, columns.stop - columns.start)
            yield rows, columns, buffer[: shape[0] * shape[1]].view(*shape, -1)


def _slices(length: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, length)) for start in range(0, length, step))
