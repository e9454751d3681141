"""The command that repeats a run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from gzslbench.data.shuffled import SHUFFLED
from gzslbench.plugins.head import SOFTMAX
from gzslbench.report.leaderboard.entry import HEAD, entry_of
from gzslbench.runs.record import Record
from gzslbench.runs.summary import Summary

_NAMES = ("gzslbench", "__main__.py")
_PLACES = ("--dataset", "--data", "--results")
_CELL = ("eval_every", "select", "preprocessing", "device", "precision")


def repeat_command(record: Record) -> str:
    """The ``gzslbench run`` that has the record's very cell, whatever presets have become since.

    Where data and results lie is as it was typed. A run that another command or program made leaves that to
    the usual places: its dataset must be found by its name.
    """
    return shlex.join(["gzslbench", "run", *map(str, _options(record)), "--rerun"])


def _options(record: Record) -> Iterator[Any]:
    cell, task, places = record.cell, record.task, _typed_places(record)
    semantics, _, shuffled = str(task.get("semantics", "")).partition(SHUFFLED)
    yield from ("--method", cell["method"], "--dataset", places.pop("--dataset", task["dataset"]))
    for name, value in (("features", task.get("features")), ("semantics", semantics)):
        if value:
            yield from (f"--{name}", value)
    if shuffled:
        yield from ("--shuffle-semantics", shuffled)
    if cell.get("head") not in (None, SOFTMAX):
        yield from ("--head", cell["head"])
    for name, value in entry_of(Summary.of(record)).changes.items():
        of_head = name.removeprefix(HEAD)
        yield from ("--set", f"{name}={value}") if of_head == name else ("--head-set", f"{of_head}={value}")
    for name in _CELL:
        if name in cell:
            yield from (f"--{name.replace('_', '-')}", cell[name])
    if cell.get("deterministic"):
        yield "--deterministic"
    yield from ("--seed", cell["seed"])
    for place in places.items():
        yield from place


def _typed_places(record: Record) -> dict[str, str]:
    """The places named in the command that made the run, if that was ``gzslbench run``."""
    program, *arguments = record.run.get("command") or [""]
    if PurePath(program).name not in _NAMES or arguments[:1] != ["run"]:
        return {}
    places = {}
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, value = argument.partition("=")
        if name in _PLACES:
            places[name] = value if equals else following
    return places
