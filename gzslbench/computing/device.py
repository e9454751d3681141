"""The device and the precision of a run, and the versions of what computes it."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch

from gzslbench import __version__
from gzslbench.errors import DeviceError

PRECISIONS = ("fp32", "tf32", "bf16")


def resolve_device(name: str) -> torch.device:
    """Return the device for ``auto``, ``cpu``, ``cuda`` or a name like ``cuda:1``.

    Raises:
        DeviceError: The name is unknown, or this machine has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:[0-9]{1,2})?", name):
        fix = "choose one of auto, cpu, cuda, cuda:1"
        raise DeviceError(f"unknown device {name!r}", where="--device", fix=fix)
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        where = f"--device {name}; torch {torch.__version__}"
        fix = "use --device cpu or auto, or install a CUDA build of torch and try nvidia-smi"
        raise DeviceError("PyTorch sees no CUDA device", where=where, fix=fix)
    if device.type == "cuda" and (device.index or 0) >= (count := torch.cuda.device_count()):
        what, fix = f"this machine has {count} CUDA devices", f"choose a number below {count}"
        raise DeviceError(what, where=f"--device {name}", fix=fix)
    return device


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse a precision that ``device`` does not have.

    Raises:
        DeviceError: The name is unknown, or it is tf32 on a CPU.
    """
    if precision not in PRECISIONS:
        fix = f"choose one of {', '.join(PRECISIONS)}"
        raise DeviceError(f"unknown precision {precision!r}", where="--precision", fix=fix)
    if precision == "tf32" and device.type != "cuda":
        raise DeviceError("only CUDA devices have tf32", where="--precision tf32", fix="use --precision fp32")


@contextmanager
def matmul_precision(precision: str, deterministic: bool) -> Iterator[None]:
    """Set the precision of float32 matrix products inside, and whether algorithms are deterministic.

    ``bf16`` changes nothing here: it is applied by ``autocast``.
    """
    products, algorithms = torch.get_float32_matmul_precision(), _deterministic_mode()
    if deterministic:  # cuBLAS reads this variable before its first product
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    _set_deterministic(deterministic, warn_only=False)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(products)
        _set_deterministic(*algorithms)


@contextmanager
def plain_torch() -> Iterator[None]:
    """Inside, torch computes as after its import: float32 on the CPU, gradients, no autocast."""
    dtype = torch.get_default_dtype()
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)


def _deterministic_mode() -> tuple[bool, bool]:
    enabled = torch.are_deterministic_algorithms_enabled()
    return enabled, torch.is_deterministic_algorithms_warn_only_enabled()


def _set_deterministic(mode: bool, warn_only: bool) -> None:
    # Skip the call where nothing changes: torch imports its compiler for it, which takes a second.
    if _deterministic_mode() != (mode, warn_only):
        torch.use_deterministic_algorithms(mode, warn_only=warn_only)


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context of one forward pass: matrix products in bfloat16 if ``precision`` is ``bf16``.

    Leave it before the optimizer steps, because it caches bfloat16 copies of the weights.
    """
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def environment(device: torch.device) -> dict[str, Any]:
    """Return the versions, the device and the number of threads, as a record holds them."""
    on_cuda = device.type == "cuda"
    return {
        "gzslbench": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(terse=True),
        "device": torch.cuda.get_device_name(device) if on_cuda else platform.processor() or "cpu",
        "threads": torch.get_num_threads(),
    }
