"""Decide how many jobs fit on this machine at once: its cores, its memory, and shares of its GPUs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gzslbench.plugins.executor import Job, Limits

MEMORY_INFO = Path("/proc/meminfo")
RESERVED_BYTES = 2**30
"""Memory that is left to all other programs."""
EPSILON = 1e-9
"""Tolerance for sums of GPU shares, such as 0.1 + 0.2."""


@dataclass
class RunningJob:
    """A job that runs now, on the GPU ``device``; it takes ``resident`` bytes of host memory by now."""

    job: Job
    device: int | None = None
    resident: int = 0


class ResourcePool:
    """The resources of this machine."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    @cached_property
    def gpus(self) -> int:
        """Number of CUDA devices, counted when the first job needs one."""
        return _count_gpus()

    def fits(self, job: Job, running: Sequence[RunningJob]) -> bool:
        """Whether ``job`` may start next to those that run. If none runs, any job may."""
        if not running:
            return True
        if len(running) >= self.max_jobs(job):
            return False
        if job.gpus and self.gpus and min(self._shares(running)) + job.gpus > 1 + EPSILON:
            return False
        free = available_memory()
        still_to_come = sum(max(0, other.job.memory - other.resident) for other in running)
        return free is None or free - still_to_come - job.memory > RESERVED_BYTES

    def max_jobs(self, job: Job) -> int:
        """How many jobs like this one may run at once, as far as cores and GPUs go."""
        if self.limits.jobs is not None:
            return self.limits.jobs
        by_cores = max(1, _count_cores() // self.limits.threads)
        if job.gpus and self.gpus:
            return min(by_cores, self.gpus * max(1, int(1 / job.gpus + EPSILON)))
        return by_cores

    def choose_device(self, job: Job, running: Sequence[RunningJob]) -> int | None:
        """Choose the GPU with the largest free share; None if there is none, or the job takes none."""
        if not job.gpus or not self.gpus:
            return None
        return min(range(self.gpus), key=self._shares(running).__getitem__)

    def _shares(self, running: Sequence[RunningJob]) -> list[float]:
        """The share of each GPU that is taken."""
        shares = [0.0] * self.gpus
        for other in running:
            if other.device is not None:
                shares[other.device] += other.job.gpus
        return shares


def visible_name(device: int) -> str:
    """Value of CUDA_VISIBLE_DEVICES that shows a job the GPU with this index among the visible ones."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    return names[device].strip() if device < len(names) and names[device].strip() else str(device)


def resident_memory(process: int | None) -> int:
    """Bytes of a process that are in memory; 0 if the system does not say."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def available_memory() -> int | None:
    """Bytes that new processes can take without swapping; None if the system does not say."""
    if not MEMORY_INFO.is_file():
        return None
    for line in MEMORY_INFO.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _count_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _count_gpus() -> int:
    """CUDA devices, counted without creating a context on one."""
    import torch

    return torch.cuda.device_count()
