"""Results of ``gzslbench check``, ``doctor`` and ``regress`` on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.report.tables import ResultTable, TableCell
from gzslbench.report.terminal.printing import MISSING, key_values

if TYPE_CHECKING:
    from gzslbench.sweep.suites.baseline import Change
    from gzslbench.testing.check import Outcome

_STYLES = {"passed": "green", "failed": "bold red", "skipped": "yellow"}
_CHANGE_COLUMNS = ("runs", "metric", "stored", "now", "tolerance", "difference")


def checks_table(title: str, outcomes: Sequence[Outcome]) -> RenderableType:
    """Return a row per check of a plugin, with what to do where it failed and the reason where skipped."""
    table = Table(box=None, show_header=False, pad_edge=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for outcome in outcomes:
        message = Text("" if outcome.status == "passed" else outcome.what)
        if outcome.fix:
            message.append(f"\nto do: {outcome.fix}", style="bold")
        status = Text(outcome.status, style=_STYLES[outcome.status])
        table.add_row(status, Text(outcome.check), Text(f"{outcome.seconds:.1f} s"), message)
    return Group(Text(title, style="bold"), table, Text())


def checks_summary(found: Mapping[str, Sequence[Outcome]]) -> Text:
    """Return how many checks passed, failed and were skipped, and which plugins failed."""
    every = [outcome for outcomes in found.values() for outcome in outcomes]
    counts = ", ".join(f"{sum(outcome.status == status for outcome in every)} {status}" for status in _STYLES)
    seconds = sum(outcome.seconds for outcome in every)
    line = Text(f"{counts} in {seconds:.0f} s", style="bold")
    failed = [title for title, outcomes in found.items() if any(o.status == "failed" for o in outcomes)]
    if failed:
        line.append(f"; failed: {', '.join(failed)}", style="bold red")
    return line


def health_report(health: Mapping[str, Any]) -> RenderableType:
    """Return every section of what ``doctor`` found, then the problems."""
    data, results, compilation = health["data"], health["results"], health["compilation"]
    state = "" if data["there"] else " (missing; set GZSLBENCH_DATA to the folder)"
    state = " (PROBLEM)" if data["error"] else state
    sections: dict[str, Mapping[str, Any]] = {
        "versions": {name: found or "not installed" for name, found in health["versions"].items()},
        "device": {
            **health["device"],
            "cuda": ", ".join(health["device"]["cuda"]) or "none",
            "compiled on a CPU": compilation["obstacle"] or f"yes, by {compilation['compiler']}",
        },
        "plugins": {
            f"{plugin['name']}  {plugin['distribution']} {plugin['version']}": plugin["error"]
            or ("ok" if plugin["loads"] else "switched off by GZSLBENCH_PLUGINS")
            for plugin in health["plugins"]
        },
        "methods and built-in datasets": {part["name"]: part["error"] or "ok" for part in health["code"]},
        "trackers": {tracker["name"]: _tracker_state(tracker) for tracker in health["trackers"]},
        "data": {
            "root": data["root"] + state,
            **data["datasets"],
            "not found": ", ".join(data["missing"]) or "none",
        },
        "results": {results["folder"]: "can be written" if results["error"] is None else "PROBLEM"},
    }
    parts: list[RenderableType] = []
    for title, values in sections.items():
        parts += [Text(title, style="bold"), key_values(values), Text()]
    problems = health["problems"]
    parts += [Text(problem, style="bold red") for problem in problems]
    count = f"{len(problems)} problem{'s' * (len(problems) > 1)}" if problems else "no problems"
    return Group(*parts, Text(count, style="bold"))


def _tracker_state(tracker: Mapping[str, Any]) -> str:
    if not tracker["missing"]:
        return "installed"
    advice = f": pip install '{tracker['install']}'" if tracker["install"] else ""
    return f"not installed{advice}"


def changes_table(suite: str, changes: Sequence[Change]) -> ResultTable:
    """Return a row per mean that moved since the suite's metrics were stored; notes are about the rest."""
    rows = [
        [
            TableCell(change.name),
            TableCell(metric),
            *(TableCell(f"{number:.2f}") for number in (old, new, tolerance)),
            TableCell(f"{new - old:+.2f}", best=True),
        ]
        for change in changes
        for metric, (old, new, tolerance) in change.moved.items()
    ]
    title = f"suite {suite}: what moved (%)" if rows else f"suite {suite}: nothing moved"
    return ResultTable(title, _CHANGE_COLUMNS, rows, list(_change_notes(changes)), text_columns=(0, 1))


def measured_table(groups: Mapping[str, Any]) -> ResultTable:
    """Return a row per group of runs: means and standard deviations over its finished seeds."""
    metrics = next((list(group["summary"]) for group in groups.values() if group["summary"]), [])
    rows, notes = [], []
    for name, group in groups.items():
        finished = sum("metrics" in run for run in group["runs"])
        means = [_format_mean(group["summary"].get(metric)) for metric in metrics]
        cells = (name, *means, f"{finished} of {len(group['runs'])}")
        rows.append([TableCell(text) for text in cells])
        notes += [
            f"{name}: seed {run['seed']} diverged: {run['failure']}"
            for run in group["runs"]
            if "failure" in run
        ]
    return ResultTable("measured (%)", ["runs", *metrics, "seeds"], rows, notes)


def _format_mean(summary: Mapping[str, float | None] | None) -> str:
    if summary is None:
        return MISSING
    spread = "" if summary["std"] is None else f" ± {summary['std']:.1f}"
    return f"{summary['mean']:.1f}{spread}"


def _change_notes(changes: Sequence[Change]) -> Iterator[str]:
    same = [change for change in changes if not change.moved and not change.note]
    if same:
        yield f"as stored, within their tolerances: {', '.join(change.name for change in same)}"
    for change in changes:
        if change.note:
            yield f"{change.name}: {change.note}"
