"""What became of a check."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from typing import Literal

from gzslbench.errors import GzslBenchError
from gzslbench.testing.check import Check, CheckFailure, NotApplicable

Status = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Outcome:
    """What became of one check.

    Attributes:
        check: The check's name.
        status: ``passed``, ``failed`` or ``skipped``.
        seconds: Wall time.
        what: What is wrong, or why it was skipped; what holds where it passed.
        fix: What to change; empty unless it failed.
    """

    check: str
    status: Status
    seconds: float
    what: str
    fix: str = ""


def outcome_of(check: Check) -> Outcome:
    """Make ``check``; whatever the plugin's code raises is a failure."""
    clock = time.perf_counter()
    status, what, fix = _made(check)
    return Outcome(check.name, status, time.perf_counter() - clock, what, fix)


def _made(check: Check) -> tuple[Status, str, str]:
    try:
        check()
    except NotApplicable as reason:
        return "skipped", str(reason), ""
    except CheckFailure as failure:
        return "failed", failure.what, failure.fix
    except GzslBenchError as error:
        return "failed", " ".join(filter(None, (error.what, error.where))), error.fix or "mend it there"
    except (Exception, SystemExit) as error:  # the plugin's own code may raise anything
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.filename}, line {frame.lineno}"
        return "failed", f"it raised {type(error).__name__}: {error}", f"mend {where}"
    return "passed", check.what, ""
