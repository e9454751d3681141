"""Starting the command line: whole processes, from their start to their end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial

from gzslbench_benchmarks.speed.conditions import Conditions
from gzslbench_benchmarks.speed.contest import Contestant, Setting

COMMANDS = {
    "gzslbench --help": ("-m", "gzslbench", "--help"),
    "gzslbench methods": ("-m", "gzslbench", "methods"),
    'python -c "import torch"': ("-c", "import torch"),
    'python -c "pass"': ("-c", "pass"),
}


def settings(conditions: Conditions) -> Iterator[Setting]:
    """Compare our commands, which import no torch, with Python itself."""
    yield Setting("start to end", [Contestant(name, partial(_program, name)) for name in COMMANDS])


def _program(name: str) -> partial[object]:
    return partial(
        subprocess.run,
        [sys.executable, *COMMANDS[name]],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
