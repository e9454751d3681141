"""A check of a plugin, what running it gives, and requirements that several kinds of plugins share."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import time
import traceback
import unittest
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, partial
from types import ModuleType
from typing import Any, Literal

from gzslbench.errors import GzslBenchError, describe

Status = Literal["passed", "failed", "skipped"]
_SLOW = {"it-comes-far-above-chance"}
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_IMPORT_TIMEOUT_S = 120
_NO_TORCH = "import importlib, sys; importlib.import_module(sys.argv[1]); sys.exit('torch' in sys.modules)"


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


def bind(module: ModuleType, case: object) -> list[Check]:
    """Return the checks of `case`: the public functions that `module` defines, in their order there."""
    checks = []
    for name, function in vars(module).items():
        if inspect.isfunction(function) and function.__module__ == module.__name__ and name[0] != "_":
            title = name.replace("_", "-")
            body = partial(function, case)
            checks.append(Check(title, inspect.getdoc(function) or "", body, title in _SLOW))
    return checks


def run_checks(checks: Iterable[Check]) -> list[Outcome]:
    """Run checks in their order; the error of an earlier check is a reason to skip, not another failure."""
    first: dict[tuple[str, str], str] = {}
    outcomes = list(map(run_check, checks))
    for place, one in enumerate(outcomes):
        earlier = first.setdefault((one.what, one.fix), one.check)
        if one.status == "failed" and earlier != one.check:
            outcomes[place] = replace(one, status="skipped", what=f"the same error as in {earlier}", fix="")
    return outcomes


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
        what = f"it raised {describe(error)}"
        fix = f"correct {frame.filename}, line {frame.lineno}"
    else:
        status, what, fix = "passed", check.what, ""
    return Outcome(check.name, status, time.perf_counter() - start, what, fix)


def require(condition: bool, what: str, fix: str) -> None:
    """Raise CheckFailure with what is wrong and what to change, unless `condition` is true."""
    if not condition:
        raise CheckFailure(what, fix)


def require_citation(spec: Any) -> None:
    """Require that name, title, paper and url of a spec are valid."""
    proposal = re.sub("[^a-z0-9]+", "-", spec.name.lower()).strip("-")
    fix = f"call it {proposal!r}, also in the entry point"
    valid = _NAME.fullmatch(spec.name) is not None
    require(valid, f"the name {spec.name!r} is not lower case with hyphens", fix)
    require(bool(spec.title.strip()), "the spec has no title", "write the full name in `title`")
    fix = "write authors, title, venue and year in `paper`; for your own, `Name: Title, unpublished, 2026`"
    require(spec.year is not None, f"the paper {spec.paper!r} has no year", fix)
    fix = "write the address of the paper or of the code in `url`"
    valid = spec.url.startswith(("https://", "http://"))
    require(valid, f"the url {spec.url!r} is not an http or https address", fix)


def require_import_without_torch(module: str) -> None:
    """Require that `module` can be imported in a new process and does not import torch."""
    done = _import_in_new_process(module)
    last_line = done.stderr.strip().rpartition("\n")[2]
    imported = done.returncode in (0, 1) and "Error" not in done.stderr
    require(imported, f"{module} cannot be imported on its own: {last_line}", "correct the import")
    fix = "import torch in the module that `load` names, inside functions, or under TYPE_CHECKING"
    require(done.returncode == 0, f"importing {module} imports torch", fix)


@cache
def _import_in_new_process(module: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _NO_TORCH, module],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=_IMPORT_TIMEOUT_S,
    )
