"""Where a run computes, and how exactly."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gzslbench.errors import DeviceError

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("fp32", "tf32", "bf16")


def resolve_device(name: str) -> torch.device:
    """The device ``auto``, ``cpu``, ``cuda`` or ``cuda:1`` stands for on this machine.

    Raises:
        DeviceError: CUDA is asked for and there is none, or no such device number.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise DeviceError(
            f"no device {name!r}", where="--device", fix=f"choose one of {', '.join(DEVICES)}, or cuda:1"
        )
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError(
            "CUDA is asked for, and PyTorch sees no CUDA device",
            where=f"--device {name}; torch {torch.__version__}",
            fix="use --device cpu or auto, or install a CUDA build of torch and try nvidia-smi",
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(f"there are {torch.cuda.device_count()} CUDA devices", where=f"--device {name}")
    return device


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse a precision that ``device`` does not have.

    Raises:
        DeviceError: The name is unknown, or TF32 is asked for on a CPU.
    """
    if precision not in PRECISIONS:
        raise DeviceError(
            f"no precision {precision!r}", where="--precision", fix=f"choose one of {PRECISIONS}"
        )
    if precision == "tf32" and device.type != "cuda":
        raise DeviceError(
            "tf32 exists on CUDA devices alone", where="--precision tf32", fix="use --precision fp32"
        )


@contextmanager
def numerics(precision: str, deterministic: bool) -> Iterator[None]:
    """Compute with these numerics inside, and as before outside; bf16 is up to ``lowered``."""
    before = (
        torch.get_float32_matmul_precision(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    if deterministic:  # cuBLAS reads it before its first product
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    _be_deterministic(deterministic, warn_only=False)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        _be_deterministic(before[1], before[2])


def _be_deterministic(mode: bool, warn_only: bool) -> None:
    """Where it is not so yet: torch imports its compiler to say so, which takes a second."""
    now = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    if now != (mode, warn_only):
        torch.use_deterministic_algorithms(mode, warn_only=warn_only)


def lowered(device: torch.device, precision: str) -> torch.autocast:
    """The context of one forward pass: matrix products in bfloat16 where ``precision`` is ``bf16``.

    It must not outlive a step, for it keeps lowered copies of the weights.
    """
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")
