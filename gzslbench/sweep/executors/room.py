"""Room for jobs on this machine: cores, memory, and shares of its GPUs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gzslbench.plugins.executor import Job, Limits

MEMORY_INFO = Path("/proc/meminfo")
RESERVE = 2**30
"""Bytes that are left to everything else."""
SLACK = 1e-9
"""Of sums of shares, which are rounded."""


@dataclass(frozen=True)
class Occupant:
    """A job that is under way.

    Attributes:
        job: What it was expected to take.
        device: Its GPU, counted among the visible ones; None for none.
        resident: Bytes of the host's memory that it has by now.
    """

    job: Job
    device: int | None = None
    resident: int = 0


class Room:
    """What this machine has, and what jobs may take of it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    @cached_property
    def gpus(self) -> int:
        """CUDA devices of this machine, counted when a job first asks for one."""
        return _gpus()

    def takes(self, job: Job, running: Sequence[Occupant]) -> bool:
        """Whether ``job`` may begin beside those that are running; alone any job may."""
        if not running:
            return True
        if len(running) >= self.at_once(job):
            return False
        if job.gpus and self.gpus and min(self._taken(running)) + job.gpus > 1 + SLACK:
            return False
        free = available_memory()
        still_to_come = sum(max(0, each.job.memory - each.resident) for each in running)
        return free is None or free - still_to_come - job.memory > RESERVE

    def at_once(self, job: Job) -> int:
        """How many jobs like this one run at once, as far as cores and GPUs go."""
        if self.limits.jobs is not None:
            return self.limits.jobs
        by_cores = max(1, _cores() // self.limits.threads)
        if job.gpus and self.gpus:
            return min(by_cores, self.gpus * max(1, int(1 / job.gpus + SLACK)))
        return by_cores

    def device_for(self, job: Job, running: Sequence[Occupant]) -> int | None:
        """The GPU with the largest share free; None where there is none, or the job takes none."""
        if not job.gpus or not self.gpus:
            return None
        taken = self._taken(running)
        return min(range(self.gpus), key=lambda device: taken[device])

    def _taken(self, running: Sequence[Occupant]) -> list[float]:
        """The share of each GPU that is taken."""
        taken = [0.0] * self.gpus
        for each in running:
            if each.device is not None:
                taken[each.device] += each.job.gpus
        return taken


def visible_name(device: int) -> str:
    """What CUDA_VISIBLE_DEVICES calls a GPU that is counted among those visible here."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    return named[device].strip() if device < len(named) and named[device].strip() else str(device)


def resident_memory(process: int) -> int:
    """Bytes of a process that are in memory; 0 where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


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
