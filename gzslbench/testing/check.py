"""A check of a plugin, and what running it gives."""

from __future__ import annotations

import inspect
import time
import traceback
import unittest
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar

from gzslbench.errors import GzslBenchError

Status = Literal["passed", "failed", "skipped"]
Case = TypeVar("Case")


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
        body: Raises CheckFailure or NotApplicable; exceptions of the plugin's own code pass through.
        slow: Whether it trains for longer than a few seconds.
    """

    name: str
    what: str
    body: Callable[[], None]
    slow: bool = False

    def __call__(self) -> None:
        """Run the check.

        Raises:
            CheckFailure: The plugin does not keep its contract.
            NotApplicable: There is nothing to check.
        """
        self.body()

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Outcome:
    """What running a check gave.

    Attributes:
        check: The check's name.
        status: `passed`, `failed` or `skipped`.
        seconds: Wall time.
        what: What is wrong, or why it was skipped, or what is true because it passed.
        fix: What to change; empty unless it failed.
    """

    check: str
    status: Status
    seconds: float
    what: str
    fix: str = ""


def require(condition: bool, what: str, fix: str) -> None:
    """Raise CheckFailure unless `condition` is true.

    Args:
        condition: What must be true.
        what: What is wrong otherwise.
        fix: What the plugin's author should change.
    """
    if not condition:
        raise CheckFailure(what, fix)


def bind(function: Callable[[Case], None], case: Case, *, slow: bool = False) -> Check:
    """Return the check that applies `function` to `case`, with the function's name and docstring."""
    name = function.__name__.replace("_", "-")
    return Check(name, inspect.getdoc(function) or "", partial(function, case), slow)


def run_check(check: Check) -> Outcome:
    """Run `check`. Any exception of the plugin's code is a failure."""
    start = time.perf_counter()
    status, what, fix = _run(check)
    return Outcome(check.name, status, time.perf_counter() - start, what, fix)


def _run(check: Check) -> tuple[Status, str, str]:
    try:
        check()
    except NotApplicable as reason:
        return "skipped", str(reason), ""
    except CheckFailure as failure:
        return "failed", failure.what, failure.fix
    except GzslBenchError as error:
        return "failed", " ".join(filter(None, (error.what, error.where))), error.fix or "correct it there"
    except (Exception, SystemExit) as error:  # the plugin's own code may raise anything
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{frame.filename}, line {frame.lineno}"
        return "failed", f"it raised {type(error).__name__}: {error}", f"correct {place}"
    return "passed", check.what, ""
