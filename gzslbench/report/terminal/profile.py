"""The time of a profiled window, by phase and by operator."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.computing.instrumentation import PREFIX
from gzslbench.report.terminal.printing import key_values, make_console, make_table, print_line
from gzslbench.runs.profile import Profile
from gzslbench.runs.record import Record

MAX_OPERATORS = 10
MAX_NAME = 80
"""Characters shown of an operator's name; those of compiled operators are long."""
CAVEAT = "Tracing slows down operators, especially small ones, so all times are approximate."
PARTS = ("iteration", "evaluation")


def profile_report(averages: Iterable[Any], record: Record, trace: object) -> RenderableType:
    """Return a table of the parts and phases of the window, and one of the operators that took most time."""
    rows = list(averages)
    spans = [row for row in rows if row.key.startswith(PREFIX)]
    operators = [row for row in rows if not row.key.startswith(PREFIX)]
    spans.sort(key=lambda row: (row.key.removeprefix(PREFIX) not in PARTS, -row.cpu_time_total))
    operators.sort(key=lambda row: (-row.self_device_time_total, -row.self_cpu_time_total))
    cuda = any(row.self_device_time_total for row in operators)
    phases = [(row, row.cpu_time_total, row.device_time_total) for row in spans]
    top = [(row, row.self_cpu_time_total, row.self_device_time_total) for row in operators[:MAX_OPERATORS]]
    whole = {
        "training": f"{record.run.seconds_train or 0:.2f} s in the whole run, as recorded",
        "evaluation": f"{record.run.seconds_evaluate or 0:.2f} s in the whole run, as recorded",
        "trace": f"{trace} (open it in https://ui.perfetto.dev or chrome://tracing)",
    }
    return Group(
        _table("part or phase, with all inside it", phases, cuda),
        Text(),
        _table("operator, without those it calls", top, cuda),
        Text(f"\n{CAVEAT}"),
        key_values(whole),
    )


def _table(title: str, rows: Iterable[tuple[Any, float, float]], cuda: bool) -> Table:
    """Return a row per average of the profiler, with its microseconds on the CPU and on CUDA."""
    columns = ["calls", "CPU ms", "per CPU call", *(["CUDA ms", "per CUDA call"] if cuda else [])]
    cells = []
    for row, *times in rows:
        name = row.key.removeprefix(PREFIX)[:MAX_NAME]
        milliseconds = [time / 1e3 for time in times[: 1 + cuda]]
        numbers = [(f"{time:.2f}", f"{time / max(row.count, 1):.3f}") for time in milliseconds]
        cells.append([name, row.count, *(number for pair in numbers for number in pair)])
    return make_table([title, *columns], cells, columns)


def print_profile(profile: Profile, record: Record, *, quiet: bool) -> None:
    """Print the report; if ``quiet``, print only the path of the trace, to standard error."""
    if profile.trace is not None and not quiet:
        make_console().print(profile_report(profile.averages, record, profile.trace))
    elif profile.trace is not None:
        print_line(f"trace: {profile.trace}")
    else:
        why = "it ended before its first evaluation"
        if not profile.used:
            why = "it was finished before, so it was not run again; --rerun runs it again"
        print_line(f"nothing to profile in run {record.id}: {why}")
