"""The command that repeats a run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from gzslbench.results.record import Record

_NAMES = ("gzslbench", "__main__.py")
_SWITCHES = ("--resume", "--rerun", "--dry-run", "--json", "--profile", "--together")


def repeat_command(record: Record) -> str:
    """The command line that made ``record``, narrowed to its seed and told to run again.

    A run made by another program than ``gzslbench run`` is repeated by that program: its own command line.
    """
    program, *arguments = record.run.get("command") or ["gzslbench", "run"]
    if PurePath(program).name not in _NAMES:
        return shlex.join([program, *arguments])
    kept = _without_seeds([argument for argument in arguments if argument not in _SWITCHES])
    return shlex.join(["gzslbench", *kept, "--seed", str(record.cell["seed"]), "--rerun"])


def _without_seeds(arguments: Sequence[str]) -> Iterator[str]:
    follows = False
    for argument in arguments:
        if not follows and argument != "--seed" and not argument.startswith("--seed="):
            yield argument
        follows = argument == "--seed" and not follows
