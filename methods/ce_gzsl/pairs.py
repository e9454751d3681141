"""Scores of all pairs of two sets under a two-layer network, without ever holding all pairs' hidden units.

A network of one hidden layer over [h; a] has the hidden pre-activation P_b + Q_c for the pair (b, c),
where P = W_h h and Q = W_a a + bias. Its score is sum_k w_k LeakyReLU(P_bk + Q_ck). With

    LeakyReLU(x) = s x + (1 - s) relu(x)    and    relu(p + q) = max(p, -q) + q

only sum_k w_k max(P_bk, -Q_ck) is left to be formed for each pair; the backward pass needs, for each row of
one side, the upstream gradient summed over the rows of the other whose sum with it is positive. Both sums
come in a plain form (``chunked``) and in a compiled one (``fused``).
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gzslbench_methods.ce_gzsl import chunked, fused
from gzslbench_methods.linear import SLOPE


def pair_scores(left: Tensor, right: Tensor, weight: Tensor) -> Tensor:
    """Every pair's score: ``sum_k weight[k] * leaky_relu(left[b, k] + right[c, k])``.

    Args:
        left: ``(B, H)``.
        right: ``(C, H)``.
        weight: ``(H,)``.

    Returns:
        ``(B, C)``, in the precision of ``weight``.
    """
    scores: Tensor = _PairScores.apply(left.to(weight.dtype), right.to(weight.dtype), weight)
    return scores


class _PairScores(torch.autograd.Function):
    @staticmethod
    def forward(left: Tensor, right: Tensor, weight: Tensor) -> Tensor:
        with torch.autocast(left.device.type, enabled=False):
            scores = _sums(left, right).maxima(left, -right, weight)
            by_row, by_column = left @ weight, right @ weight
            return scores.mul_(1 - SLOPE).add_(SLOPE * by_row[:, None]).add_(by_column)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        left, right, weight = ctx.saved_tensors
        for_left, for_right, for_weight = ctx.needs_input_grad
        grad_left = grad_right = grad_weight = None
        with torch.autocast(left.device.type, enabled=False):
            if for_left or for_weight:
                slopes = _slopes(grad, left, right)
                grad_left = slopes * weight
                grad_weight = (slopes * left).sum(0)
            if for_right or for_weight:
                slopes = _slopes(grad.t().contiguous(), right, left)
                grad_right = slopes * weight
                grad_weight = None if grad_weight is None else grad_weight + (slopes * right).sum(0)
        return grad_left, grad_right, grad_weight


def _slopes(grad: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """``(B, H)``: for each row of ``left``, the sum of the slopes at its pairs, weighted by ``grad``."""
    sums: Tensor = _sums(left, right).above(grad, left, -right)
    return sums.mul_(1 - SLOPE).add_(SLOPE * grad.sum(1, keepdim=True))


def _sums(left: Tensor, right: Tensor) -> ModuleType:
    return fused if fused.pays(left, right) else chunked
