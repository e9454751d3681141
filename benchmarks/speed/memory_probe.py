"""The peak memory of a program, measured in a separate process.

``python -m gzslbench_benchmarks.speed.memory_probe SPEC`` builds a program, calls it once, and prints by how
many bytes that raised the most that the process, or its tensors on a CUDA device, ever took.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from pkgutil import resolve_name

import torch

from gzslbench.computing.memory import freed_memory_kept
from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.shapes import Shape

Builder = Callable[[Shape, Conditions], Program]
_SHORTAGES = ("DefaultCPUAllocator", "OutOfMemoryError", "MemoryError")
_KILLED = -9


def peak_of(builder: Builder, shape: Shape, conditions: Conditions, *, keeps_memory: bool = False) -> int:
    """Return the most bytes that a call of the built program takes, in addition to networks and data.

    Args:
        builder: A function of a module, which the new process finds by its name.
        shape: Its argument.
        conditions: Its argument.
        keeps_memory: Whether the process keeps freed memory, as `gzslbench run` does on a CPU.

    Raises:
        MemoryError: There was not enough.
        RuntimeError: The process failed otherwise.
    """
    spec = {
        "builder": f"{builder.__module__}:{builder.__qualname__}",
        "shape": asdict(shape),
        "device": str(conditions.device),
        "precision": conditions.precision,
        "threads": torch.get_num_threads(),
        "keeps_memory": keeps_memory,
    }
    command = [sys.executable, "-m", __name__, json.dumps(spec)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == _KILLED:
        raise MemoryError("the process was killed")
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        kind = MemoryError if any(name in reason for name in _SHORTAGES) else RuntimeError
        raise kind(f"{builder.__qualname__} in a separate process: {reason}")
    return int(done.stdout)


def memory_of(
    builder: Builder, shape: Shape, conditions: Conditions, *, keeps_memory: bool = False
) -> Callable[[], int] | None:
    """``peak_of`` to be called; None on CUDA, where the allocator counts the memory of each contestant."""
    if conditions.on_cuda:
        return None
    return partial(peak_of, builder, shape, conditions, keeps_memory=keeps_memory)


def measure(spec: str) -> int:
    """Measure in the new process of ``peak_of``."""
    request = json.loads(spec)
    torch.set_num_threads(request["threads"])
    conditions = Conditions(torch.device(request["device"]), request["precision"])
    builder, shape = resolve_name(request["builder"]), Shape(**request["shape"])
    builder(shape.tiny(), conditions)()  # libraries load code at their first use
    program = builder(shape, conditions)
    if conditions.on_cuda:
        torch.cuda.reset_peak_memory_stats(conditions.device)
    before = _most(conditions)
    with freed_memory_kept() if request["keeps_memory"] else nullcontext():
        program()
        conditions.synchronize()
    return _most(conditions) - before


def _most(conditions: Conditions) -> int:
    return torch.cuda.max_memory_allocated(conditions.device) if conditions.on_cuda else high_water_mark()


def high_water_mark() -> int:
    """Return the most bytes of memory that this process has had.

    VmHWM, because on Linux a new process starts with the ru_maxrss of its parent.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    sys.stdout.write(f"{measure(sys.argv[1])}\n")
