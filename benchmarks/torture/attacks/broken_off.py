"""Commands that break off: at each step of writing the disk is full or refuses, or the process is killed.

Then nothing that was there before is lost, the same command goes on to what an undisturbed one leaves, and no
temporary file stays. For times see ``commands.snapshot``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from gzslbench_benchmarks.torture.apart import run_apart
from gzslbench_benchmarks.torture.commands import COMMANDS, SUITE, Command, snapshot
from gzslbench_benchmarks.torture.findings import NOTHING_TO_DO, Attempt, repeat
from gzslbench_benchmarks.torture.injection import FAILURES, KILLED, Steps
from gzslbench_benchmarks.torture.stand_ins import offer, start_server, write_inputs

MEMORY, SECONDS = 8 << 30, 300.0
_BROKEN = f"process ended with exit {KILLED}"
_MOST_STEPS = 1000
_created: dict[tuple[object, ...], Path] = {}
"""By the setup of a command, a folder with the files that it creates."""


def attempts(seed: int, root: Path) -> Iterator[Attempt]:
    """Yield a step of each command in turn, in an order drawn at random; they end after the last one."""
    started = [Started(command, root / command.name, seed) for command in COMMANDS]
    for number in range(_MOST_STEPS):
        for how in FAILURES:
            for one in started:
                name = f"{one.command.name}-{how}"
                yield Attempt(name, repeat(name, seed, number), partial(one.attack, number, how))


class Started:
    """A command with the folder of files that it starts from."""

    def __init__(self, command: Command, root: Path, seed: int = 0) -> None:
        self.command, self.root, self.seed, self.count = command, root, seed, _MOST_STEPS

    @cached_property
    def start(self) -> dict[str, str]:
        """The files before the command, which are created the first time."""
        folder, setup = self.root / "start", tuple(self.command.setup)
        if (known := _created.get(setup)) is not None and known.exists():
            shutil.copytree(known, folder, symlinks=True)
            return snapshot(folder)
        folder.mkdir(parents=True)
        (folder / "two.toml").write_text(SUITE)
        write_inputs(folder)
        for step in setup:
            step(folder) if callable(step) else _require(call(folder, step), "exit 0")
        _created[setup] = folder
        return snapshot(folder)

    @cached_property
    def expected(self) -> dict[str, str]:
        """The files after the command, if nothing disturbs it; also counts its steps."""
        folder = self.copy()
        _require(call(folder, self.command.arguments), f"exit {self.command.status}")
        expected = snapshot(folder)
        steps = call(self.copy(), self.command.arguments, Steps())
        self.count = int(steps.rpartition(" ")[2])
        return expected

    def attack(self, number: int, how: str) -> str | None:
        """Let a step fail, the one of this number in an order drawn at random; go on; say what is wrong."""
        start, expected = self.start, self.expected
        if number >= self.count:
            return NOTHING_TO_DO
        step = int(np.random.default_rng(self.seed).permutation(self.count)[number])
        folder = self.copy()
        ended = call(folder, self.command.arguments, Steps(step, how))
        problems = (
            []
            if self._is_well(ended) or ended.startswith(("exit 1", "exit 2", _BROKEN))
            else [f"{how}: {ended}"]
        )
        after = snapshot(folder)
        for name, digest in start.items():
            if digest not in after.values() and after.get(name) != expected.get(name):
                problems.append(f"lost {Path(name).name}: {name} at step {step} ({how})")
        is_done = self._is_well(ended) or (self.command.once and after == expected)
        again = "exit 0" if is_done else call(folder, self._again)
        if not self._is_well(again):
            problems.append(f"does not go on: {again} at step {step} ({how}) after {ended}")
        found = snapshot(folder)
        if not problems and found != expected:
            names = sorted(name for name in {**found, **expected} if found.get(name) != expected.get(name))
            problems.append(f"other files at the end: {names[:4]} at step {step} ({how}), {ended}")
        shutil.rmtree(folder)
        return "; ".join(problems) or None

    def _is_well(self, ended: str) -> bool:
        return ended.startswith(("exit 0", f"exit {self.command.status}"))

    @property
    def _again(self) -> Sequence[str]:
        return self.command.again or self.command.arguments

    def copy(self) -> Path:
        """Return a fresh copy of the files that the command starts from."""
        self.start  # noqa: B018 - creates it
        folder = self.root / "now"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.root / "start", folder, symlinks=True)
        return folder


def call(folder: Path, arguments: Sequence[str], steps: Steps | None = None) -> str:
    """Run a command line in a process of its own; say how it ended and, with ``steps``, after how many."""

    def run() -> str:
        import torch

        from gzslbench.cli import main

        offer()
        torch.set_num_threads(1)  # the threads of the first process are not in this one
        os.chdir(folder)
        status: Any = 0
        try:
            if steps is None:
                main(list(arguments), prog_name="gzslbench")
            else:
                with steps.counted():
                    main(list(arguments), prog_name="gzslbench")
        except SystemExit as end:
            status = end.code or 0
        return f"exit {status}" + (f" at {steps.last or steps.count}" if steps else "")

    preload()
    start_server()
    return str(run_apart([run], seconds=SECONDS, memory=MEMORY)[0])


def preload() -> None:
    """Import what commands import, so that each forked process need not."""
    import optuna  # noqa: F401
    import sklearn  # noqa: F401
    import torch._dynamo
    import torch.fx.experimental.symbolic_shapes  # noqa: F401

    import gzslbench.api.build
    import gzslbench.api.sweep
    import gzslbench.prepare.extract.compute
    import gzslbench.prepare.finetune.training
    import gzslbench.report.html.site
    import gzslbench.runs.bundle
    import gzslbench.runs.execute
    import gzslbench.sweeps.tuning.best_trial  # noqa: F401
    import gzslbench_methods.dem  # noqa: F401


def _require(outcome: str, expected: str) -> None:
    if outcome != expected:
        raise RuntimeError(f"the attack cannot begin: {outcome}")
