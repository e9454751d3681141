"""A matrix product by its sizes, and a program that does nothing but such products."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from gzslbench.computing.graph import GraphCache, capture_on
from gzslbench_benchmarks.speed.conditions import Conditions, Program

Product = tuple[int, int, int]
"""Rows, summed dimension, columns."""


def gigaflop(products: Iterable[Product]) -> float:
    """Billions of multiplications and additions."""
    return sum(2 * m * k * n for m, k, n in products) / 1e9


def floor(products: list[Product], conditions: Conditions) -> Program:
    """A program that does the products and nothing else, each laid out as a linear layer's forward pass.

    On CUDA they are one graph, so that no launch from the host is in the time.
    """
    operands: dict[Product, tuple[Tensor, Tensor, Tensor]] = {}
    kind: dict[str, Any] = {"device": conditions.device, "dtype": conditions.dtype}
    for m, k, n in products:
        if (m, k, n) not in operands:
            left, right = torch.randn(m, k, **kind), torch.randn(n, k, **kind)
            operands[m, k, n] = (left, right.T, torch.empty(m, n, **kind))

    def run() -> None:
        for product in products:
            left, right, out = operands[product]
            torch.mm(left, right, out=out)

    capture = capture_on(conditions.device)
    program = run if capture is None else partial(GraphCache(capture), "products", run)
    return conditions.at_precision(program)
