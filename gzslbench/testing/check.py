"""A check, and the two ways in which it does not pass."""

from __future__ import annotations

import inspect
import unittest
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

C = TypeVar("C")


class CheckFailure(AssertionError):  # noqa: N818 - it is what a check comes to, as NotApplicable is
    """A plugin does not keep its contract: what is wrong, and what to change."""

    def __init__(self, what: str, fix: str) -> None:
        self.what, self.fix = what, fix
        super().__init__(f"{what}\n  to do: {fix}")


class NotApplicable(unittest.SkipTest):
    """The check has nothing to look at here; pytest reports it as skipped."""


@dataclass(frozen=True)
class Check:
    """One check of one plugin; call it.

    Attributes:
        name: Unique within its suite.
        what: What holds where it passes.
        body: Raises CheckFailure or NotApplicable, or whatever the plugin's own code raises.
        slow: Whether it trains for longer than a few seconds.
    """

    name: str
    what: str
    body: Callable[[], None]
    slow: bool = False

    def __call__(self) -> None:
        """Make the check.

        Raises:
            CheckFailure: The plugin does not keep its contract.
            NotApplicable: There is nothing to check.
        """
        self.body()

    def __str__(self) -> str:
        return self.name


def demand(holds: bool, what: str, fix: str) -> None:
    """Fail with ``what`` is wrong and how to ``fix`` it, unless it ``holds``."""
    if not holds:
        raise CheckFailure(what, fix)


def bind(function: Callable[[C], None], case: C, *, slow: bool = False) -> Check:
    """The check that ``function`` makes of ``case``, named and described by the function."""
    name = function.__name__.replace("_", "-")
    return Check(name, inspect.getdoc(function) or "", partial(function, case), slow)
