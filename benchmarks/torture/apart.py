"""Run calls in a forked process with limits of time and memory, because they may crash it or never end."""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from gzslbench.errors import GzslBenchError

SECONDS, MEMORY = 30.0, 1 << 30
"""The most that one call may take: seconds on a machine with nothing else to do, and bytes of address space
beyond those in use before."""
_END = b"\0"
Call = Callable[[], "str | None"]


def run_apart(calls: Sequence[Call], seconds: float = SECONDS, memory: int = MEMORY) -> list[str | None]:
    """Return what each call returns, or how it ended the process; after a crash the others go on in another.

    A GzslBenchError is what users shall see, and counts as None.
    """
    outcomes: list[str | None] = []
    while len(outcomes) < len(calls):
        outcomes += _run_until_crash(calls[len(outcomes) :], seconds, memory)
    return outcomes


def _run_until_crash(calls: Sequence[Call], seconds: float, memory: int) -> list[str | None]:
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process == 0:
        with suppress(BaseException):
            os.close(reading)
            os.setsid()
            _run_all(calls, writing, memory)
        os._exit(0)
    os.close(writing)
    outcomes: list[str | None] = []
    rest, hung = b"", False
    try:
        while len(outcomes) < len(calls) and not hung:
            hung = not select.select([reading], [], [], seconds * _load())[0]
            piece = b"" if hung else os.read(reading, 1 << 16)
            if not piece:
                break
            *texts, rest = (rest + piece).split(_END)
            outcomes += [text.decode(errors="replace") or None for text in texts]
    finally:
        os.close(reading)
        if len(outcomes) < len(calls):
            with suppress(ProcessLookupError):  # what the call started goes as well
                os.killpg(process, signal.SIGKILL) if hung else None
        status = os.waitpid(process, 0)[1]
    if len(outcomes) == len(calls):
        return outcomes
    if hung:
        return [*outcomes, f"no end within {seconds:g} s"]
    code = os.waitstatus_to_exitcode(status)
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"process ended with exit {code}"
    return [*outcomes, how]


def _load() -> float:
    """Return how many processes want each processor, at least 1: so much longer everything takes."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def _run_all(calls: Sequence[Call], writing: int, memory: int) -> None:
    """Run the calls, and write what each of them returns as it ends."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + memory, used + memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    for call in calls:
        os.write(writing, (_outcome(call) or "").encode(errors="replace") + _END)


def _outcome(call: Call) -> str | None:
    try:
        return call()
    except GzslBenchError:
        return None
    except BaseException as error:
        return describe(error)


def describe(error: BaseException) -> str:
    """Say in one line what was raised, and by which line of this project."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if _is_ours(frame)]
    place = f"{frames[-1].f_code.co_filename.rpartition('gzslbench/')[2]}:" if frames else ""
    line = next((n for frame, n in reversed([*traceback.walk_tb(error.__traceback__)]) if _is_ours(frame)), 0)
    return f"{type(error).__name__} at {place}{line}: {' '.join(str(error).split())[:120]}"


def _is_ours(frame: FrameType) -> bool:
    return "gzslbench" in frame.f_globals.get("__name__", "")
