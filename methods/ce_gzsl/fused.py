"""The sums over pairs as kernels that torch compiles: each pair's hidden units live in registers alone.

Compiling takes some seconds, and on a CPU a C++ compiler; so it is done where there are many pairs, and
where it fails the plain form (``chunked``) does the work.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gzslbench.computing.chunk import is_shortage
from gzslbench_methods.ce_gzsl import chunked

MANY = 1 << 22
"""Hidden units of all pairs from which compiling pays."""

_log = logging.getLogger(__name__)


def maxima(left: Tensor, negated: Tensor, weight: Tensor) -> Tensor:
    """As ``chunked.maxima``."""
    return _run(_maxima, chunked.maxima, left, negated, weight)


def above(grad: Tensor, left: Tensor, negated: Tensor) -> Tensor:
    """As ``chunked.above``."""
    return _run(_above, chunked.above, grad, left, negated)


def pays(left: Tensor, right: Tensor) -> bool:
    """Whether these many pairs are worth a compilation, and it has not failed so far."""
    return len(left) * right.numel() >= MANY and compiler.works


@dataclass
class Compiler:
    """Whether compiling works here; the environment variable GZSLBENCH_COMPILE=0 says no beforehand."""

    works: bool = os.environ.get("GZSLBENCH_COMPILE", "1") != "0"


compiler = Compiler()


def _maxima(left: Tensor, negated: Tensor, weight: Tensor) -> Tensor:
    return (torch.maximum(left[:, None], negated[None]) * weight).sum(-1)


def _above(grad: Tensor, left: Tensor, negated: Tensor) -> Tensor:
    return torch.where(left[:, None] > negated[None], grad[:, :, None], 0.0).sum(1)


def _run(fast: Callable[..., Tensor], plain: Callable[..., Tensor], *operands: Tensor) -> Tensor:
    if compiler.works:
        try:
            return _compiled(fast)(*operands)
        except Exception as error:
            if is_shortage(error):
                raise
            compiler.works = False
            _log.warning("no compiled class scores, the plain form goes on: %s", _reason(error))
    return plain(*operands)


@functools.cache
def _compiled(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return torch.compile(function, dynamic=True, fullgraph=True)


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
