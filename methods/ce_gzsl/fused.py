"""The sums over pairs as kernels that torch compiles: each pair's hidden units live in registers alone."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from gzslbench.computing.compilation import Compilation
from gzslbench_methods.ce_gzsl import chunked

MANY = 1 << 22
"""Hidden units of all pairs from which compiling, which takes some seconds, pays."""
NAME = "class scores"


@functools.cache
def compilation() -> Compilation:
    """That of this process."""
    return Compilation()


def pays(left: Tensor, right: Tensor) -> bool:
    """Whether these many pairs are worth a compilation."""
    return len(left) * right.numel() >= MANY


def maxima(left: Tensor, negated: Tensor, weight: Tensor) -> Tensor:
    """As ``chunked.maxima``."""
    return compilation().run(NAME, _maxima, chunked.maxima, left, negated, weight)


def above(grad: Tensor, left: Tensor, negated: Tensor) -> Tensor:
    """As ``chunked.above``."""
    return compilation().run(NAME, _above, chunked.above, grad, left, negated)


def _maxima(left: Tensor, negated: Tensor, weight: Tensor) -> Tensor:
    return (torch.maximum(left[:, None], negated[None]) * weight).sum(-1)


def _above(grad: Tensor, left: Tensor, negated: Tensor) -> Tensor:
    return torch.where(left[:, None] > negated[None], grad[:, :, None], 0.0).sum(1)
