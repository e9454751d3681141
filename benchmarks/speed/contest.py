"""Contestants timed in turn, in one process, all by one rule.

Before each timed round its program is called once untimed; if a call takes LONG, only before the first round.
If the untimed call took less than SHORTEST_ROUND, the round calls the program until about that much time has
passed, and counts the time of one call. On CUDA a contestant is also called CUDA_WARM_UP times when it is
prepared, and the host waits for the device only at the ends of a round.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch

from gzslbench.computing.memory import explained_shortage, freed_memory_kept
from gzslbench.errors import DeviceError
from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.measurement import Row

SLOW_ROUNDS = 2
"""Rounds of a contestant that takes many seconds."""
CUDA_WARM_UP = 4
"""Calls before the first round on CUDA, where the first ones choose kernels and capture graphs."""
SHORTEST_ROUND = 0.2
"""Seconds; less is not timed well."""
LONG = 10.0
"""Seconds of a call that another one right before would make no faster."""


@dataclass(frozen=True)
class Contestant:
    """A program that is measured.

    Attributes:
        name: As the table shows it.
        build: Makes the program to time, which is not timed; None if only memory is measured.
        memory: Measures the peak memory in bytes. Without it a CPU measures none, and a CUDA device
            reports what building and warming up took, networks and data included.
        slow: Whether it is timed in fewer rounds.
        once: Whether it is timed once and not called before; so long a program is warmed up by ``build``.
        keeps_memory: Whether it keeps freed memory for its next step, as `gzslbench run` does on a CPU.
    """

    name: str
    build: Callable[[], Program] | None = None
    memory: Callable[[], int] | None = None
    slow: bool = False
    once: bool = False
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
        tell: Called with a line about each measurement.
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
                entries.append((contestant, row, _ready(contestant, row, conditions)))
    for number in range(conditions.rounds):
        for contestant, row, program in entries:
            if row.failure is None and number < _rounds(contestant, conditions):
                with _failing(row, tell):
                    _round(contestant, program, row, conditions)
                    tell(f"{_who(row)}: {row.seconds[-1]:.4g} s")


def _ready(contestant: Contestant, row: Row, conditions: Conditions) -> Program:
    """Build and warm up; on CUDA also count what both allocate, for a replayed graph allocates nothing."""
    assert contestant.build is not None
    device, counted = conditions.device, conditions.on_cuda and contestant.memory is None
    if counted:
        torch.cuda.init()  # type: ignore[no-untyped-call]  # memory statistics need it
        gc.collect()  # what was freed meanwhile would hide what is taken
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
    program = contestant.build()
    if conditions.on_cuda and not contestant.once:
        for _ in range(CUDA_WARM_UP):
            program()
    if counted:
        row.peak_bytes = torch.cuda.max_memory_allocated(device) - before
    return program


def _rounds(contestant: Contestant, conditions: Conditions) -> int:
    if contestant.once:
        return 1
    return min(conditions.rounds, SLOW_ROUNDS) if contestant.slow else conditions.rounds


def _round(contestant: Contestant, program: Program, row: Row, conditions: Conditions) -> None:
    keeps_memory = contestant.keeps_memory and not conditions.on_cuda
    with freed_memory_kept() if keeps_memory else nullcontext():
        warm = contestant.once or (row.seconds and row.seconds[-1] >= LONG)
        times = 1 if warm else _times(_seconds(program, 1, conditions))
        row.seconds.append(_seconds(program, times, conditions) / times)


def _times(seconds: float) -> int:
    """How often a program that took ``seconds`` is called in a timed round."""
    return math.ceil(SHORTEST_ROUND / max(seconds, 1e-6))  # a coarse clock may not have moved


def _seconds(program: Program, times: int, conditions: Conditions) -> float:
    conditions.synchronize()
    now = time.process_time if conditions.clock == "cpu" else time.perf_counter
    start = now()
    for _ in range(times):
        program()
    conditions.synchronize()
    return now() - start


@contextmanager
def _failing(row: Row, tell: Callable[[str], None]) -> Iterator[None]:
    """If a contestant runs out of memory, it leaves the contest, and the others continue."""
    try:
        with explained_shortage():
            yield
    except DeviceError as error:
        row.failure = error.what
        tell(f"{_who(row)}: {row.failure}")


def _who(row: Row) -> str:
    return f"{row.setting}: {row.contestant}"
