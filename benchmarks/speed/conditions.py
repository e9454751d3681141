"""The conditions that every contestant of a measurement shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from gzslbench.computing.device import matmul_precision
from gzslbench_benchmarks.speed.shapes import SHAPES, Shape

Program = Callable[[], object]
"""What is timed: one call does the work once."""


@dataclass(frozen=True)
class Conditions:
    """Where, how exactly and how often.

    Attributes:
        precision: fp32, tf32 or bf16, of the matrix products.
        rounds: How often each contestant is timed; slow ones less often.
        quick: Whether the shapes are tiny, which tries the programs out and measures nothing.
    """

    device: torch.device
    precision: str = "fp32"
    rounds: int = 5
    quick: bool = False

    @property
    def dtype(self) -> torch.dtype:
        """What the operands of matrix products are at this precision."""
        return torch.bfloat16 if self.precision == "bf16" else torch.float32

    @property
    def on_cuda(self) -> bool:
        """Whether the device is a CUDA device."""
        return self.device.type == "cuda"

    def shape(self, name: str) -> Shape:
        """The dataset's shape, or a tiny one."""
        shape = SHAPES[name]
        return shape.tiny() if self.quick else shape

    def synchronize(self) -> None:
        """Wait for what the device has still to do."""
        if self.on_cuda:
            torch.cuda.synchronize(self.device)

    def at_precision(self, program: Program) -> Program:
        """``program`` with TF32 on or off, as these conditions say."""

        def run() -> None:
            with matmul_precision(self.precision, deterministic=False):
                program()

        return run
