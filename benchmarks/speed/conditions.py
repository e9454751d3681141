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
    """The device, the precision and the number of rounds.

    Attributes:
        precision: fp32, tf32 or bf16, of the matrix products.
        rounds: How often each contestant is timed; slow ones less often.
        quick: Whether the shapes are tiny, which only tests the programs.
        clock: wall, or cpu for the computing time of this process, which other processes change little.
    """

    device: torch.device
    precision: str = "fp32"
    rounds: int = 5
    quick: bool = False
    clock: str = "wall"

    @property
    def dtype(self) -> torch.dtype:
        """The type of the operands of matrix products."""
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
        """Wait for the work of the device."""
        if self.on_cuda:
            torch.cuda.synchronize(self.device)

    def at_precision(self, program: Program) -> Program:
        """Return ``program`` with TF32 on or off, as the precision says."""

        def run() -> None:
            with matmul_precision(self.precision, deterministic=False):
                program()

        return run
