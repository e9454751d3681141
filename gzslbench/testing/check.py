"""A check of a plugin, and what running it gives."""

from __future__ import annotations

import inspect
import re
import time
import traceback
import unittest
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from gzslbench.errors import GzslBenchError

Status = Literal["passed", "failed", "skipped"]
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class CheckFailure(AssertionError):  # noqa: N818 - the name is public
    """A plugin does not keep its contract: what is wrong, and what to change."""

    def __init__(self, what: str, fix: str) -> None:
        self.what, self.fix = what, fix
        super().__init__(f"{what}\n  to do: {fix}")


class NotApplicable(unittest.SkipTest):
    """The check does not apply to this plugin or machine. pytest reports it as skipped."""


@dataclass(frozen=True)
class Check:
    """One check of one plugin. Call it to run it.

    Attributes:
        name: The name, unique within the plugin's checks.
        what: What is true if it passes.
        body: Raises CheckFailure, NotApplicable, or what the plugin's own code raises.
        slow: Whether it trains for longer than a few seconds.
    """

    name: str
    what: str
    body: Callable[[], None]
    slow: bool = False

    def __call__(self) -> None:
        """Run the check; raise what its ``body`` raises."""
        self.body()

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Outcome:
    """What running a check gave: its wall time, what is wrong or why it was skipped, and what to change."""

    check: str
    status: Status
    seconds: float
    what: str
    fix: str = ""


def require(condition: bool, what: str, fix: str) -> None:
    """Raise CheckFailure with what is wrong and what to change, unless `condition` is true."""
    if not condition:
        raise CheckFailure(what, fix)


def require_name(spec: Any) -> None:
    """Require that the name and the title of a spec are valid."""
    proposal = re.sub("[^a-z0-9]+", "-", spec.name.lower()).strip("-")
    valid = _NAME.fullmatch(spec.name) is not None
    fix = f"call it {proposal!r}, also in the entry point"
    require(valid, f"the name {spec.name!r} is not lower case with hyphens", fix)
    require(bool(spec.title.strip()), "the spec has no title", "write the full name in `title`")


def bind(functions: Iterable[Callable[[Any], None]], case: object, *, slow: bool = False) -> list[Check]:
    """Return the checks that apply `functions` to `case`, with their names and docstrings."""
    return [
        Check(
            function.__name__.replace("_", "-"), inspect.getdoc(function) or "", partial(function, case), slow
        )
        for function in functions
    ]


def run_check(check: Check) -> Outcome:
    """Run `check`. Any exception of the plugin's code is a failure."""
    start = time.perf_counter()
    status: Status = "failed"
    try:
        check()
    except NotApplicable as reason:
        status, what, fix = "skipped", str(reason), ""
    except CheckFailure as failure:
        what, fix = failure.what, failure.fix
    except GzslBenchError as error:
        what, fix = " ".join(filter(None, (error.what, error.where))), error.fix or "correct it there"
    except (Exception, SystemExit) as error:  # the plugin's own code may raise anything
        frame = traceback.extract_tb(error.__traceback__)[-1]
        what = f"it raised {type(error).__name__}: {error}"
        fix = f"correct {frame.filename}, line {frame.lineno}"
    else:
        status, what, fix = "passed", check.what, ""
    return Outcome(check.name, status, time.perf_counter() - start, what, fix)
