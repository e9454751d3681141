"""The time of a profiled window, by phase and by operator, computed from the trace file."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
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
CAVEAT = (
    "Tracing makes operators look slower than they are, small ones most of all, so the shares are"
    " approximate."
)
_LAUNCHES = ("cuda_runtime", "cuda_driver")
_WORK = ("kernel", "gpu_memcpy", "gpu_memset")
Event = Mapping[str, Any]


@dataclass
class Time:
    """Calls of something, and its time in µs on the host and on the device."""

    calls: int = 0
    cpu: float = 0.0
    cuda: float = 0.0


@dataclass
class Part:
    """The iterations of a window, or its evaluation.

    Attributes:
        whole: All of it.
        spans: By name, each span without the spans inside it.
    """

    whole: Time = field(default_factory=Time)
    spans: defaultdict[str, Time] = field(default_factory=lambda: defaultdict(Time))

    @property
    def elsewhere(self) -> Time:
        """The time in no span."""
        spans = self.spans.values()
        cpu, cuda = sum(time.cpu for time in spans), sum(time.cuda for time in spans)
        return Time(self.whole.calls, self.whole.cpu - cpu, self.whole.cuda - cuda)


@dataclass(frozen=True)
class Breakdown:
    """A window by part and span, and by operator.

    Attributes:
        parts: The iterations and the evaluation.
        operators: By name, each operator without the operators that it called.
        cuda: Whether a CUDA device did any work.
    """

    parts: Mapping[str, Part]
    operators: Mapping[str, Time]
    cuda: bool


def load_trace(path: Path) -> list[Event]:
    """Return the complete events of a trace that a ``Profile`` wrote."""
    content = path.read_bytes()
    trace = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
    return [event for event in trace["traceEvents"] if event["ph"] == "X"]


def break_down(events: Iterable[Event]) -> Breakdown:
    """Divide the time of the window among its spans and operators.

    Work of a device counts for the span in which it was launched, on any thread (the backward pass has its
    own), and for the operator that launched it.
    """
    kinds: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        kinds[event["cat"]].append(event)
    work = [event for kind in _WORK for event in kinds[kind]]
    spans = [event for event in kinds["user_annotation"] if event["name"].startswith(PREFIX)]
    launches = [event for kind in _LAUNCHES for event in kinds[kind]]
    return Breakdown(
        _by_span([*spans, *_launched(launches, work)]), _by_operator(kinds["cpu_op"], work), bool(work)
    )


def _launched(launches: list[Event], work: list[Event]) -> Iterator[Event]:
    """Return an event of no duration for each piece of the device's ``work``: its launch."""
    moments = {launch["args"].get("correlation"): launch["ts"] for launch in launches}
    for event in work:
        moment = moments.get(event["args"].get("correlation"))
        if moment is not None:
            yield {"ts": moment, "dur": 0.0, "cuda": event["dur"]}


def _by_span(events: list[Event]) -> dict[str, Part]:
    """Sum up spans and launches; a span directly inside one of the same name is the same call."""
    parts: dict[str, Part] = defaultdict(Part)
    for event, around in _nested(events):
        part, *names = [outer["name"].removeprefix(PREFIX) for outer in around] or [None]
        outer = parts[part].spans[names[-1]] if part and names else Time()  # launched outside all spans
        if "cuda" in event:
            outer.cuda += event["cuda"]
            if part:
                parts[part].whole.cuda += event["cuda"]
            continue
        name = event["name"].removeprefix(PREFIX)
        if names[-1:] != [name]:
            own = parts[part].spans[name] if part else parts[name].whole
            own.calls += 1
            own.cpu += event["dur"]
            outer.cpu -= event["dur"]
    return parts


def _by_operator(events: list[Event], work: list[Event]) -> dict[str, Time]:
    """Sum up operators; an operator directly inside one of the same name is the same call."""
    operators: dict[str, Time] = defaultdict(Time)
    threads: dict[Any, list[Event]] = defaultdict(list)
    for event in events:
        threads[event["pid"], event["tid"]].append(event)
    for thread in threads.values():
        for event, around in _nested(thread):
            name, outer = event["name"], around[-1]["name"] if around else None
            if name == outer:
                continue
            operators[name].calls += 1
            operators[name].cpu += event["dur"]
            if outer is not None:
                operators[outer].cpu -= event["dur"]
    names = {event["args"].get("External id"): event["name"] for event in events}
    for event in work:
        launcher = names.get(event["args"].get("External id"))
        if launcher is not None:
            operators[launcher].cuda += event["dur"]
    return operators


def _nested(events: Iterable[Event]) -> Iterator[tuple[Event, list[Event]]]:
    """Yield each event of one thread with the events around it, the outermost first."""
    around: list[Event] = []
    for event in sorted(events, key=lambda event: (event["ts"], -event["dur"])):
        while around and event["ts"] >= around[-1]["ts"] + around[-1]["dur"]:
            around.pop()
        yield event, around
        if event["dur"] > 0:
            around.append(event)


def profile_report(breakdown: Breakdown, record: Record, trace: Path) -> RenderableType:
    """Return a table for each part of the window, the top operators, and the seconds of the whole run."""
    tables: list[RenderableType] = []
    for name, part in breakdown.parts.items():
        title = f"{part.whole.calls} {name}{'s' * (part.whole.calls > 1)}"
        rows = {**part.spans, "(in no span)": part.elsewhere, "all": part.whole}
        tables += [_table(title, rows, part.whole, breakdown.cuda), Text()]
    window = Time(
        cpu=sum(part.whole.cpu for part in breakdown.parts.values()),
        cuda=sum(part.whole.cuda for part in breakdown.parts.values()),
    )
    operators = sorted(breakdown.operators.items(), key=lambda item: (-item[1].cuda, -item[1].cpu))
    tables += [_table("top operators", dict(operators[:MAX_OPERATORS]), window, breakdown.cuda), Text()]
    whole = {
        "training": f"{record.run.seconds_train or 0:.2f} s in the whole run, as recorded",
        "evaluation": f"{record.run.seconds_evaluate or 0:.2f} s in the whole run, as recorded",
        "trace": f"{trace} (open it in {VIEWERS})",
    }
    return Group(*tables, Text(CAVEAT), key_values(whole))


def _table(title: str, rows: Mapping[str, Time], whole: Time, cuda: bool) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(title, overflow="ellipsis", no_wrap=True)  # a compiled operator's name is long
    for name in ("calls", "CPU ms", "a call", "share"):
        table.add_column(name, justify="right")
    for name in ("CUDA ms", "a call", "share") if cuda else ():
        table.add_column(name, justify="right")
    for name, time in rows.items():
        cells = _cells(time.cpu, time.calls, whole.cpu)
        if cuda:
            cells += _cells(time.cuda, time.calls, whole.cuda)
        table.add_row(Text(name), str(time.calls), *cells)
    return table


def _cells(microseconds: float, calls: int, whole: float) -> list[str]:
    share = f"{100 * microseconds / whole:.1f} %" if whole else ""
    return [f"{microseconds / 1e3:.2f}", f"{microseconds / 1e3 / max(calls, 1):.3f}", share]


def print_profile(profile: Profile, record: Record, *, quiet: bool) -> None:
    """Print the report to standard output; if ``quiet``, print only the path of the trace to standard error.

    Where a run left no trace, print why to standard error.
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
        report = profile_report(break_down(load_trace(profile.trace)), record, profile.trace)
        make_console().print(report)
