"""The time of a profiled window, by phase and by operator."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.computing.instrumentation import PREFIX
from gzslbench.report.terminal.printing import key_values, make_console
from gzslbench.report.terminal.progress import print_line
from gzslbench.runs.profile import Profile
from gzslbench.runs.record import Record

MAX_OPERATORS = 10
VIEWERS = "https://ui.perfetto.dev or chrome://tracing"
CAVEAT = "Tracing slows down operators, especially small ones, so all times are approximate."
PARTS = ("iteration", "evaluation")


def profile_report(averages: Iterable[Any], record: Record, trace: object) -> RenderableType:
    """Return a table of the parts and phases of the window, and one of the operators that took most time.

    Args:
        averages: What torch's profiler returns from ``key_averages()``.
        record: The record of the run, for the seconds of the whole run.
        trace: The file of the trace.
    """
    averages = list(averages)
    spans = {row.key.removeprefix(PREFIX): row for row in averages if row.key.startswith(PREFIX)}
    order = sorted(spans, key=lambda name: (name not in PARTS, -spans[name].cpu_time_total))
    operators = [row for row in averages if row.key not in {span.key for span in spans.values()}]
    operators.sort(key=lambda row: (-row.self_device_time_total, -row.self_cpu_time_total))
    cuda = any(row.self_device_time_total for row in operators)
    phases = _table("part or phase, with all inside it", cuda)
    for name in order:
        row = spans[name]
        _add_row(phases, name, row.count, row.cpu_time_total, row.device_time_total if cuda else None)
    top = _table("operator, without those it calls", cuda)
    for row in operators[:MAX_OPERATORS]:
        device = row.self_device_time_total if cuda else None
        _add_row(top, row.key, row.count, row.self_cpu_time_total, device)
    whole = {
        "training": f"{record.run.seconds_train or 0:.2f} s in the whole run, as recorded",
        "evaluation": f"{record.run.seconds_evaluate or 0:.2f} s in the whole run, as recorded",
        "trace": f"{trace} (open it in {VIEWERS})",
    }
    return Group(phases, Text(), top, Text(), Text(CAVEAT), key_values(whole))


def _table(title: str, cuda: bool) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(title, overflow="ellipsis", no_wrap=True)  # the name of a compiled operator is long
    for name in ("calls", "CPU ms", "per call", *(("CUDA ms", "per call") if cuda else ())):
        table.add_column(name, justify="right")
    return table


def _add_row(table: Table, name: str, calls: int, *microseconds: float | None) -> None:
    cells = [
        f"{time / 1e3:.{digits}f}"
        for total in microseconds
        if total is not None
        for time, digits in ((total, 2), (total / max(calls, 1), 3))
    ]
    table.add_row(Text(name), str(calls), *cells)


def print_profile(profile: Profile, record: Record, *, quiet: bool) -> None:
    """Print the report to standard output; if ``quiet``, print only the path of the trace to standard error.

    If the run left no trace, print why to standard error.
    """
    if profile.trace is None:
        why = (
            "it ended before its first evaluation"
            if profile.used
            else "it was finished before, so it was not run again; --rerun runs it again"
        )
        print_line(f"nothing to profile in run {record.id}: {why}")
    elif quiet:
        print_line(f"trace: {profile.trace}")
    else:
        make_console().print(profile_report(profile.averages, record, profile.trace))
