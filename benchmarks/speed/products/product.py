"""A matrix product by its sizes, and a program that does nothing but such products."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from gzslbench.computing.graph import GraphCache, capture_on
from gzslbench_benchmarks.speed.conditions import Conditions, Program

Product = tuple[int, int, int]
"""Rows, summed dimension, columns."""


PRODUCTS = {"mm": 0, "addmm": 1, "bmm": 0, "baddbmm": 1}
"""Operators that are matrix products, and the position of their first factor."""


@dataclass(frozen=True)
class AdamStep:
    """A fused step of Adam: how many numbers it updates, and whether by AMSGrad."""

    numbers: int
    amsgrad: bool


class MatrixProducts(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Lists the matrix products that run inside; a batch of products counts as that many.

    ``steps`` lists the steps of Adam.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[Product] = []
        self.steps: list[AdamStep] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operator, and note its sizes if it is a product."""
        name = func.overloadpacket.__name__.rstrip("_")
        if name in PRODUCTS:
            left, right = args[PRODUCTS[name] :][:2]
            times = left.shape[0] if left.dim() == 3 else 1
            self.found += [(left.shape[-2], left.shape[-1], right.shape[-1])] * times
        elif name == "_fused_adam":
            self.steps.append(AdamStep(sum(each.numel() for each in args[0]), bool(args[4])))
        return func(*args, **(kwargs or {}))


def gigaflop(products: Iterable[Product]) -> float:
    """Billions of multiplications and additions."""
    return sum(2 * m * k * n for m, k, n in products) / 1e9


def floor(products: list[Product], conditions: Conditions, steps: Sequence[AdamStep] = ()) -> Program:
    """A program that does the products and nothing else, each laid out as a linear layer's forward pass.

    On CUDA they are one graph, so that no launch from the host is in the time. With ``steps`` it also does
    these steps of Adam, on weights and gradients that are all in one tensor.
    """
    operands: dict[Product, tuple[Tensor, Tensor, Tensor]] = {}
    kind: dict[str, Any] = {"device": conditions.device, "dtype": conditions.dtype}
    for m, k, n in products:
        if (m, k, n) not in operands:
            left, right = torch.randn(m, k, **kind), torch.randn(n, k, **kind)
            operands[m, k, n] = (left, right.T, torch.empty(m, n, **kind))

    adams = {step: _adam(step, conditions) for step in set(steps)}

    def run() -> None:
        for product in products:
            left, right, out = operands[product]
            torch.mm(left, right, out=out)
        for step in steps:
            adams[step].step()

    capture = capture_on(conditions.device)
    program = run if capture is None else partial(GraphCache(capture), "products", run)
    return conditions.at_precision(program)


def _adam(step: AdamStep, conditions: Conditions) -> torch.optim.Adam:
    weights = torch.nn.Parameter(torch.zeros(step.numbers, device=conditions.device))
    weights.grad = torch.zeros_like(weights)
    on_cuda = conditions.on_cuda
    return torch.optim.Adam([weights], amsgrad=step.amsgrad, fused=True, capturable=on_cuda)
