"""Several processes on the same files: two of a command at once, readers meanwhile, kills at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np

from gzslbench_benchmarks.torture import stand_ins
from gzslbench_benchmarks.torture.apart import run_apart
from gzslbench_benchmarks.torture.attacks.broken_off import Started
from gzslbench_benchmarks.torture.commands import COMMANDS, snapshot
from gzslbench_benchmarks.torture.findings import RECORDS, Attempt, repeat
from gzslbench_benchmarks.torture.stand_ins import start_server

WRITERS, EACH = 20, RECORDS // 20
_SECONDS = 300
_READERS: tuple[Sequence[str], ...] = (
    ("runs", "list", "results"),
    ("leaderboard", "results"),
    ("runs", "verify", "results"),
)
_KILLED = ("run-long", "rerun-long", "sweep", "extract-regions", "finetune", "fetch", "tune", "controls")


def attempts(seed: int, root: Path) -> Iterator[Attempt]:
    """Yield each command twice at once, a thousand records, and kills, again and again."""
    started = {command.name: Started(command, root / command.name) for command in COMMANDS}
    for number in count():
        for place, one in enumerate(started.values()):
            again = repeat("two-at-once", seed, number * len(started) + place)
            yield Attempt("two-at-once", again, partial(attack_twice, one))
        yield Attempt("many-writers", repeat("many-writers", seed, number), partial(write_many, root, number))
        for place, name in enumerate(_KILLED):
            random = np.random.default_rng([seed, number, place])
            again = repeat("random-kill", seed, number * len(_KILLED) + place)
            yield Attempt("random-kill", again, partial(kill_and_go_on, started[name], random))


def attack_twice(one: Started) -> str | None:
    """Run a command twice at once, and readers meanwhile; both end well, or one says that it must wait."""
    expected, folder = one.expected, one.copy()
    both = [start(folder, one.command.arguments) for _ in range(2)]
    ended = []
    for line in _READERS:
        if (folder / "results").is_dir():
            ended.append((line, *wait(start(folder, line))))
    ended += [(one.command.arguments, *wait(process)) for process in both]
    name = one.command.name
    for line, status, errors in ended:
        if status not in (0, 2, one.command.status) or "Traceback" in errors:
            return f"{name} meets another and {line[0]} ends with {status}: {errors.strip()[-200:]}"
    if all(status == 2 for line, status, _ in ended if line is one.command.arguments):
        return f"{name} fails twice: {ended[-1][2].strip()[-200:]}"
    found = snapshot(folder)
    names = sorted(file for file in {**found, **expected} if found.get(file) != expected.get(file))
    return f"{name} leaves other files: {names[:5]}" if names else None


def write_many(root: Path, number: int) -> str | None:
    """Write a thousand records from twenty processes, and read the index meanwhile."""
    results = root / f"many-{number}"
    results.mkdir(parents=True)

    def write() -> str | None:
        from gzslbench.runs.store import Store, read_summaries

        children = []
        for writer in range(WRITERS):
            if (child := os.fork()) == 0:
                with suppress(BaseException):
                    _write_records(results, writer)
                    os._exit(0)
                os._exit(1)
            children.append(child)
        seen, pause = 0, 0.2
        while children:
            time.sleep(pause)
            found = len(read_summaries(Store(results)))
            if found < seen:
                return f"{found} records are listed after {seen}"
            seen = found
            ended, status = os.waitpid(-1, os.WNOHANG)
            if ended:
                children.remove(ended)
            if status:
                return "a process that wrote records failed"
        found = len(read_summaries(Store(results)))
        return None if found == WRITERS * EACH else f"records are lost: {found} of {WRITERS * EACH}"

    return run_apart([write], seconds=_SECONDS, memory=8 << 30)[0]


def _write_records(results: Path, writer: int) -> None:
    from gzslbench.runs.cell import Cell, TaskInfo
    from gzslbench.runs.record import Record, RunInfo, RunMetrics
    from gzslbench.runs.store import Store, read_summaries

    task = "CUB/res101/att/ps-1234-5678"
    for number in range(EACH):
        cell = Cell("ce-gzsl", 1, "CUB", task, "minmax", {}, writer * EACH + number)
        metrics = RunMetrics(U=25.0, S=75.0, H=37.5, T1=50.0, AUSUC=20.0, epoch=1, head_epoch=1)
        info = TaskInfo(task, "CUB", "res101", "att")
        record = Record(
            id=cell.id,
            status="complete",
            cell=cell,
            task=info,
            setting="inductive",
            selection="last",
            metrics={"last": metrics},
            parameters=1,
            run=RunInfo(),
        )
        folder = Store(results).run(record.id)
        with folder.lock():
            folder.write_record(record)
        if number % 10 == 0:
            read_summaries(Store(results))


def kill_and_go_on(one: Started, random: np.random.Generator) -> str | None:
    """Kill a command with its processes at random moments, go on, and compare with an undisturbed one."""
    expected = one.expected
    begin = time.monotonic()
    wait(start(one.copy(), one.command.arguments))
    seconds = time.monotonic() - begin  # what it takes now, as busy as the machine is
    folder, is_killed = one.copy(), False
    while True:
        process = start(folder, one.command.arguments)
        moment = float(random.uniform(0.2, seconds))
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            is_killed = True
        if (is_killed and random.random() < 0.7) or time.monotonic() - begin > _SECONDS:
            break
    status, errors = wait(start(folder, one.command.again or one.command.arguments))
    if status:
        return (
            f"{one.command.name} does not go on: exit {status} after {moment:.1f} s: {errors.strip()[-200:]}"
        )
    found = snapshot(folder)
    names = sorted(file for file in {**found, **expected} if found.get(file) != expected.get(file))
    return f"{one.command.name} leaves other files: {names[:5]} after {moment:.1f} s" if names else None


def start(folder: Path, line: Sequence[str]) -> subprocess.Popen[str]:
    """Start a command line in a group of processes of its own."""
    start_server()
    words = [sys.executable, "-m", stand_ins.__name__, *line]
    return subprocess.Popen(
        words,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def wait(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of a process; return its status and what it printed to standard error."""
    try:
        errors = process.communicate(timeout=_SECONDS)[1]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return -1, f"no end within {_SECONDS} s"
    return process.returncode, errors
