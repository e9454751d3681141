"""Where and with what a run was made: what its record holds besides its numbers."""

from __future__ import annotations

import platform
import resource
import sys
from typing import Any

import numpy as np
import torch

from gzslbench import __version__


def environment(device: torch.device) -> dict[str, Any]:
    """Versions, device and threads."""
    return {
        "gzslbench": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(terse=True),
        "device": torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else platform.processor() or "cpu",
        "threads": torch.get_num_threads(),
    }


def reset_peak_memory(device: torch.device) -> None:
    """Let ``peak_memory`` of a CUDA device begin anew; that of a process on a CPU cannot."""
    if device.type == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]  # before it there is no account
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory(device: torch.device) -> int:
    """Bytes: the most that tensors took on CUDA since it began anew, or that the process took on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
