"""Results of ``gzslbench check``, ``doctor`` and ``regress`` on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from gzslbench.report.printing import MISSING, key_values, make_table
from gzslbench.report.tables import ResultTable, TableCell
from gzslbench.runs.controls import METRICS, VERDICTS, ControlsResult

if TYPE_CHECKING:
    from gzslbench.sweeps.suites.baseline import Change
    from gzslbench.testing.check import Outcome

_STYLES = {"passed": "green", "failed": "bold red", "skipped": "yellow"}


def checks_table(title: str, outcomes: Sequence[Outcome]) -> RenderableType:
    """Return a row per check of a plugin: why it failed or was skipped, and what to do."""
    rows = []
    for outcome in outcomes:
        message = Text("" if outcome.status == "passed" else outcome.what)
        if outcome.fix:
            message.append(f"\nto do: {outcome.fix}", style="bold")
        status = Text(outcome.status, style=_STYLES[outcome.status])
        rows.append((status, outcome.check, f"{outcome.seconds:.1f} s", message))
    table = make_table(["result", "check", "time", ""], rows, ["time"])
    return Group(Text(title, style="bold"), table, Text())


def checks_summary(found: Mapping[str, Sequence[Outcome]]) -> Text:
    """Return how many checks passed, failed and were skipped, and which plugins failed."""
    statuses: list[str] = [outcome.status for outcomes in found.values() for outcome in outcomes]
    counts = ", ".join(f"{statuses.count(status)} {status}" for status in _STYLES)
    seconds = sum(outcome.seconds for outcomes in found.values() for outcome in outcomes)
    line = Text(f"{counts} in {seconds:.0f} s", style="bold")
    failed = [title for title, outcomes in found.items() if any(o.status == "failed" for o in outcomes)]
    return line.append(f"; failed: {', '.join(failed)}", style="bold red") if failed else line


def controls_table(method: str, found: ControlsResult) -> ResultTable:
    """Return the means of a method and of each of its controls; notes are the judgements."""
    rows = [[name, *(f"{value:.1f}" for value in means.values())] for name, means in found.means.items()]
    notes = [f"{status}: {name}: {what}" for name, (status, what) in found.judgements.items()]
    notes.append(f"verdict: {VERDICTS[found.status]}")
    title = f"{method} and its controls on {found.task} (%)"
    return ResultTable(title, ["runs", *METRICS], [list(map(TableCell, row)) for row in rows], notes)


def health_report(health: Mapping[str, Any]) -> RenderableType:
    """Return the problems that ``doctor`` found, then a line about each other thing."""
    problems, device, compilation = (health[name] for name in ("problems", "device", "compilation"))
    count = f"{len(problems) or 'no'} problem{'s' * (len(problems) != 1)}"
    off = [plugin["name"] for plugin in health["plugins"] if not plugin["loads"]]
    present = [part["name"] for part in health["trackers"] if not part["missing"]]
    missing = [part for part in health["trackers"] if part["missing"]]
    absent = [f"{part['name']} is not installed: pip install '{part['install']}'" for part in missing]
    lines = {
        "versions": health["versions"],
        "device": f"{', '.join(device['cuda']) or 'no GPU'}; {device['cpu']}, {device['cores']} cores,"
        f" {device['threads']} thread{'s' * (device['threads'] != 1)}",
        "compiled on a CPU": compilation["obstacle"] or f"yes, by {compilation['compiler']}",
        "plugins": f"{_count_good(health['plugins'])} load"
        + f"; switched off by GZSLBENCH_PLUGINS: {', '.join(off)}" * bool(off),
        "methods, datasets": f"{_count_good(health['code'])} can be imported",
        "trackers": "\n".join([", ".join(present) or "none installed", *absent]),
        "data": _describe_data(health["data"]),
        "results": health["results"]["folder"],
        "more": "gzslbench datasets NAME, gzslbench doctor --json",
    }
    problem_lines = (Text(problem, style="bold red") for problem in problems)
    return Group(*problem_lines, Text(count, style="bold"), key_values(lines))


def _count_good(parts: Sequence[Mapping[str, Any]]) -> str:
    good = sum(part.get("loads", True) and not part["error"] for part in parts)
    return f"{good} of {len(parts)}"


def _describe_data(data: Mapping[str, Any]) -> str:
    """Return the data folder, and which datasets can run, lack something, or are not there, in lines."""
    root = data["root"] + ("" if data["there"] else " (missing; set GZSLBENCH_DATA to the folder)")
    named = {
        "can run": [name for name, found in data["contents"].items() if found["can run"]],
        "incomplete": [name for name, found in data["contents"].items() if not found["can run"]],
        "not there": data["missing"],
    }
    return "\n".join([root, *(f"{what}: {', '.join(names)}" for what, names in named.items() if names)])


def changes_table(suite: str, changes: Sequence[Change]) -> ResultTable:
    """Return a row per mean that moved since the suite's metrics were stored; notes are about the rest."""
    rows = [
        [change.name, metric, f"{old:.2f}", f"{new:.2f}", f"{tolerance:.2f}", f"{new - old:+.2f}"]
        for change in changes
        for metric, (old, new, tolerance) in change.moved.items()
    ]
    same = [change.name for change in changes if not change.moved and not change.note]
    notes = [f"as stored, within their tolerances: {', '.join(same)}"] if same else []
    notes += [f"{change.name}: {change.note}" for change in changes if change.note]
    title = f"suite {suite}: what moved (%)" if rows else f"suite {suite}: nothing moved"
    columns = ["runs", "metric", "stored", "now", "tolerance", "difference"]
    return ResultTable(title, columns, [list(map(TableCell, row)) for row in rows], notes, (0, 1))


def measured_table(groups: Mapping[str, Any]) -> ResultTable:
    """Return a row per group of runs: means and standard deviations over its finished seeds."""
    metrics = next((list(group["summary"]) for group in groups.values() if group["summary"]), [])
    rows, notes = [], []
    for name, group in groups.items():
        runs = group["runs"]
        finished = sum("metrics" in run for run in runs)
        means = (_format_mean(group["summary"].get(metric)) for metric in metrics)
        rows.append([TableCell(text) for text in (name, *means, f"{finished} of {len(runs)}")])
        failed = [run for run in runs if "failure" in run]
        notes += [f"{name}: seed {run['seed']} diverged: {run['failure']}" for run in failed]
    return ResultTable("measured (%)", ["runs", *metrics, "seeds"], rows, notes)


def _format_mean(summary: Mapping[str, float | None] | None) -> str:
    if summary is None:
        return MISSING
    spread = "" if summary["std"] is None else f" ± {summary['std']:.1f}"
    return f"{summary['mean']:.1f}{spread}"
