"""Contestants timed in turn, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from gzslbench.computing.allocator import freed_memory_kept
from gzslbench.computing.memory import explained_shortage
from gzslbench.errors import DeviceError
from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.measurement import Row

SLOW_ROUNDS = 2
"""Rounds of a contestant that takes many seconds."""
CUDA_WARM_UP = 4
"""Calls before the first round on CUDA, where the first ones choose kernels and capture graphs."""


@dataclass(frozen=True)
class Contestant:
    """Who takes part.

    Attributes:
        name: As the table shows it.
        build: Makes the program to time, which is no part of the time; None where only memory is measured.
        memory: Measures the peak memory in bytes; None leaves it out on a CPU, and on a CUDA device to the
            allocator's own account of each round.
        slow: Whether it is timed in fewer rounds, and on a CPU without a round to warm up.
        keeps_memory: Whether it keeps freed memory for its next step, as `gzslbench run` does on a CPU.
    """

    name: str
    build: Callable[[], Program] | None = None
    memory: Callable[[], int] | None = None
    slow: bool = False
    keeps_memory: bool = False


@dataclass(frozen=True)
class Setting:
    """Contestants to compare; the first is ours."""

    name: str
    contestants: Sequence[Contestant]


def contest(
    setting: Setting, conditions: Conditions, rows: list[Row], tell: Callable[[str], None] = lambda _: None
) -> None:
    """Measure ``setting``: each round times every contestant once.

    Args:
        setting: The contestants.
        conditions: Device and rounds.
        rows: Gets a row for each contestant, kept up to date, so that an interruption loses nothing.
        tell: Hears of each thing measured.
    """
    entries = []
    for contestant in setting.contestants:
        row = Row(setting.name, contestant.name)
        rows.append(row)
        with _failing(row, tell):
            if contestant.memory is not None:
                row.peak_bytes = contestant.memory()
                tell(f"{_who(row)}: {row.peak_bytes / 2**20:.1f} MiB")
            if contestant.build is not None:
                entries.append((contestant, row, _ready(contestant, conditions)))
    for number in range(conditions.rounds):
        for contestant, row, program in entries:
            if row.failure is None and number < _rounds(contestant, conditions):
                with _failing(row, tell):
                    _round(contestant, program, row, conditions)
                    tell(f"{_who(row)}: {row.seconds[-1]:.4g} s")


def _ready(contestant: Contestant, conditions: Conditions) -> Program:
    assert contestant.build is not None
    program = contestant.build()
    for _ in range(_warm_up(contestant, conditions)):
        program()
    return program


def _warm_up(contestant: Contestant, conditions: Conditions) -> int:
    if contestant.slow:
        return 1 if conditions.on_cuda else 0
    return CUDA_WARM_UP if conditions.on_cuda else 1


def _rounds(contestant: Contestant, conditions: Conditions) -> int:
    return min(conditions.rounds, SLOW_ROUNDS) if contestant.slow else conditions.rounds


def _round(contestant: Contestant, program: Program, row: Row, conditions: Conditions) -> None:
    own_memory = contestant.memory is None
    if not contestant.keeps_memory or conditions.on_cuda:
        _time(program, row, conditions, own_memory=own_memory)
        return
    with freed_memory_kept():
        program()  # the step before, which leaves its memory to the one that is timed
        _time(program, row, conditions, own_memory=own_memory)


def _time(program: Program, row: Row, conditions: Conditions, *, own_memory: bool) -> None:
    """Time one call; on CUDA also what it allocated at most besides what was allocated before."""
    device, counted = conditions.device, conditions.on_cuda and own_memory
    conditions.synchronize()
    if counted:
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
    start = time.perf_counter()
    program()
    conditions.synchronize()
    row.seconds.append(time.perf_counter() - start)
    if counted:
        row.peak_bytes = max(row.peak_bytes or 0, torch.cuda.max_memory_allocated(device) - before)


@contextmanager
def _failing(row: Row, tell: Callable[[str], None]) -> Iterator[None]:
    """A contestant that runs out of memory leaves the contest, and the others go on."""
    try:
        with explained_shortage():
            yield
    except DeviceError as error:
        row.failure = error.what
        tell(f"{_who(row)}: {row.failure}")


def _who(row: Row) -> str:
    return f"{row.setting}: {row.contestant}"
