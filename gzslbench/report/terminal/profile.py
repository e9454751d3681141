"""Where the time of a traced window went, by phase and by operator: read from the trace itself."""

from __future__ import annotations

import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.computing.instrumentation import PREFIX
from gzslbench.report.console.console import console, key_values
from gzslbench.runs.profile import Profile
from gzslbench.runs.record import Record

OPERATORS = 10
VIEWERS = "https://ui.perfetto.dev or chrome://tracing"
CAVEAT = (
    "Tracing costs most where operators are small and makes them look slower than they are:"
    " take the shares for approximate."
)
_LAUNCHES = ("cuda_runtime", "cuda_driver")
_WORK = ("kernel", "gpu_memcpy", "gpu_memset")
Event = Mapping[str, Any]


@dataclass
class Time:
    """How often something ran, and for how long in µs: on the host, and on the device for its sake."""

    calls: int = 0
    cpu: float = 0.0
    cuda: float = 0.0


@dataclass
class Part:
    """The iterations of a window, or its evaluation: ``whole``, and by span without the spans inside."""

    whole: Time = field(default_factory=Time)
    spans: defaultdict[str, Time] = field(default_factory=lambda: defaultdict(Time))

    @property
    def elsewhere(self) -> Time:
        """What lies in no span."""
        spans = self.spans.values()
        cpu, cuda = sum(time.cpu for time in spans), sum(time.cuda for time in spans)
        return Time(self.whole.calls, self.whole.cpu - cpu, self.whole.cuda - cuda)


@dataclass(frozen=True)
class Breakdown:
    """A window by part and span, and by operator, each without the operators that it called.

    ``cuda`` tells whether a device worked in it.
    """

    parts: Mapping[str, Part]
    operators: Mapping[str, Time]
    cuda: bool


def load_trace(path: Path) -> list[Event]:
    """The complete events of a trace that a ``Profile`` wrote."""
    content = path.read_bytes()
    trace = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
    return [event for event in trace["traceEvents"] if event["ph"] == "X"]


def break_down(events: Iterable[Event]) -> Breakdown:
    """Share out the window among its spans and operators.

    A device's work counts for the span in which it was launched, on whatever thread (the backward pass has
    one of its own), and for the operator that launched it.
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
    """A moment of no duration for each piece of the device's ``work``: its launch."""
    moments = {launch["args"].get("correlation"): launch["ts"] for launch in launches}
    for event in work:
        moment = moments.get(event["args"].get("correlation"))
        if moment is not None:
            yield {"ts": moment, "dur": 0.0, "cuda": event["dur"]}


def _by_span(events: list[Event]) -> dict[str, Part]:
    """Events are spans, and launches; a span within one of its own name is the same call of it."""
    parts: dict[str, Part] = defaultdict(Part)
    for event, around in _nested(events):
        part, *names = [outer["name"].removeprefix(PREFIX) for outer in around] or [None]
        outer = parts[part].spans[names[-1]] if part and names else Time()  # else it is nobody's
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
    """An operator within one of its own name is the same call of it."""
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
    """Each event of one thread, with the events around it, the outermost first."""
    around: list[Event] = []
    for event in sorted(events, key=lambda event: (event["ts"], -event["dur"])):
        while around and event["ts"] >= around[-1]["ts"] + around[-1]["dur"]:
            around.pop()
        yield event, around
        if event["dur"] > 0:
            around.append(event)


def profile_report(breakdown: Breakdown, record: Record, trace: Path) -> RenderableType:
    """A table for each part of the window, the top operators, and the seconds of the whole run."""
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
    tables += [_table("top operators", dict(operators[:OPERATORS]), window, breakdown.cuda), Text()]
    whole = {
        "training": f"{record.run['seconds_train']:.2f} s in the whole run, as recorded",
        "evaluation": f"{record.run['seconds_evaluate']:.2f} s in the whole run, as recorded",
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
    """Print the report to standard output; if ``quiet``, tell only where the trace is, on standard error.

    A run that left no trace is told of on standard error.
    """
    if profile.trace is None:
        why = (
            "it ended before its first evaluation"
            if profile.used
            else "it is finished, and was not run again; --rerun does"
        )
        print(f"nothing to profile in run {record.id}: {why}", file=sys.stderr)  # noqa: T201
    elif quiet:
        print(f"trace: {profile.trace}", file=sys.stderr)  # noqa: T201
    else:
        report = profile_report(break_down(load_trace(profile.trace)), record, profile.trace)
        console().print(report)
