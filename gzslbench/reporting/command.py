"""The command that repeats a run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

from gzslbench.data.shuffled import SHUFFLED
from gzslbench.head import SOFTMAX
from gzslbench.leaderboard.entry import HEAD, entry_of
from gzslbench.results.record import Record
from gzslbench.results.summary import Summary

_NAMES = ("gzslbench", "__main__.py")
_SWITCHES = ("--resume", "--rerun", "--dry-run", "--json", "--profile", "--together")


def repeat_command(record: Record) -> str:
    """The command line that makes ``record`` again: as it was typed, narrowed to its seed.

    A run that another command or program made is repeated by the ``gzslbench run`` that its settings come to.
    """
    program, *arguments = record.run.get("command") or [""]
    if PurePath(program).name not in _NAMES or arguments[:1] != ["run"]:
        return shlex.join(["gzslbench", "run", *map(str, _options(record)), "--rerun"])
    kept = _without_seeds([argument for argument in arguments if argument not in _SWITCHES])
    return shlex.join(["gzslbench", *kept, "--seed", str(record.cell["seed"]), "--rerun"])


def _options(record: Record) -> Iterator[Any]:
    """Of ``gzslbench run``, such that it has the record's cell."""
    cell, task = record.cell, record.task
    semantics, _, shuffled = str(task["semantics"]).partition(SHUFFLED)
    yield from ("--method", cell["method"], "--dataset", cell["dataset"])
    yield from ("--features", task["features"], "--semantics", semantics)
    if shuffled:
        yield from ("--shuffle-semantics", shuffled)
    if cell.get("head") not in (None, SOFTMAX):
        yield from ("--head", cell["head"])
    for name, value in entry_of(Summary.of(record)).changes.items():
        of_head = name.removeprefix(HEAD)
        yield from ("--set", f"{name}={value}") if of_head == name else ("--head-set", f"{of_head}={value}")
    for name in ("eval_every", "select", "preprocessing", "device", "precision"):
        yield from (f"--{name.replace('_', '-')}", cell[name])
    if cell["deterministic"]:
        yield "--deterministic"
    yield from ("--seed", cell["seed"])


def _without_seeds(arguments: Sequence[str]) -> Iterator[str]:
    follows = False
    for argument in arguments:
        if not follows and argument != "--seed" and not argument.startswith("--seed="):
            yield argument
        follows = argument == "--seed" and not follows
