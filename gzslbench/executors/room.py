"""Room for jobs on this machine: cores, memory, and shares of its GPUs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from gzslbench.executor import Job, Limits

MEMORY_INFO = Path("/proc/meminfo")
RESERVE = 2**30
"""Bytes that are left to everything else."""


class Room:
    """What this machine has, and what jobs may take of it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    @cached_property
    def gpus(self) -> int:
        """CUDA devices of this machine, counted when a job first asks for one."""
        return _gpus()

    def takes(self, job: Job, running: Sequence[Job]) -> bool:
        """Whether ``job`` may begin beside those that are running; alone any job may."""
        if not running:
            return True
        if len(running) >= self.at_once(job):
            return False
        if job.gpus and self.gpus and self._free_gpu(job, [each.gpus for each in running]) < 1e-9:
            return False
        free = available_memory()
        return free is None or free - job.memory > RESERVE

    def at_once(self, job: Job) -> int:
        """How many jobs like this one run at once, as far as cores and GPUs go."""
        if self.limits.jobs is not None:
            return self.limits.jobs
        by_cores = max(1, _cores() // self.limits.threads)
        if job.gpus and self.gpus:
            return min(by_cores, max(1, int(self.gpus / job.gpus + 1e-9)))
        return by_cores

    def device_for(self, job: Job, running: Sequence[tuple[Job, int | None]]) -> int | None:
        """The GPU with the largest share free; None where there is none, or the job takes none."""
        if not job.gpus or not self.gpus:
            return None
        taken = [0.0] * self.gpus
        for other, device in running:
            if device is not None:
                taken[device] += other.gpus
        return min(range(self.gpus), key=lambda device: taken[device])

    def _free_gpu(self, job: Job, shares: Sequence[float]) -> float:
        """A positive number where the shares of all jobs fit the GPUs."""
        return self.gpus - sum(shares) - job.gpus + 2e-9


def available_memory() -> int | None:
    """Bytes that new processes can have without swapping; None where the system does not tell."""
    if not MEMORY_INFO.is_file():
        return None
    for line in MEMORY_INFO.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _gpus() -> int:
    """CUDA devices, counted without making a context on one."""
    import torch

    return torch.cuda.device_count()
