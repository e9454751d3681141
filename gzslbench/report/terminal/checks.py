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
    return Group(
        Text(title, style="bold"), make_table(["result", "check", "time", ""], rows, ["time"]), Text()
    )


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
    title = f"{method} and its controls on {found.task} (%)"
    verdict = f"verdict: {VERDICTS[found.status]}"
    return ResultTable(
        title, ["runs", *METRICS], [list(map(TableCell, row)) for row in rows], [*notes, verdict]
    )


def health_report(health: Mapping[str, Any]) -> RenderableType:
    """Return every section of what ``doctor`` found, then the problems."""
    data, compilation = health["data"], health["compilation"]
    compiled = compilation["obstacle"] or f"yes, by {compilation['compiler']}"
    missing = "" if data["there"] else " (missing; set GZSLBENCH_DATA to the folder)"
    sections: dict[str, Mapping[str, Any]] = {
        "versions": health["versions"],
        "device": {**health["device"], "compiled on a CPU": compiled},
        "plugins": {
            f"{plugin['name']}  {plugin['distribution']} {plugin['version']}": plugin["error"]
            or ("ok" if plugin["loads"] else "switched off by GZSLBENCH_PLUGINS")
            for plugin in health["plugins"]
        },
        "methods and built-in datasets": {part["name"]: part["error"] or "ok" for part in health["code"]},
        "trackers": {
            part["name"]: f"not installed: pip install '{part['install']}'"
            if part["missing"]
            else "installed"
            for part in health["trackers"]
        },
        "data": {
            "root": data["root"] + missing,
            **{name: _describe_contents(data, name) for name in data["datasets"]},
            "not found": data["missing"] or "none",
            "to get files": "gzslbench datasets NAME",
        },
        "results": {"folder": health["results"]["folder"]},
    }
    parts: list[RenderableType] = []
    for title, values in sections.items():
        parts += [Text(title, style="bold"), key_values(values), Text()]
    problems = health["problems"]
    parts += [Text(problem, style="bold red") for problem in problems]
    count = f"{len(problems) or 'no'} problem{'' if len(problems) == 1 else 's'}"
    return Group(*parts, Text(count, style="bold"))


def _describe_contents(data: Mapping[str, Any], name: str) -> str:
    """Return the folder of a dataset, what a run can take from it, and what it lacks, in lines."""
    found = data["contents"][name]
    lines = [data["datasets"][name]]
    lines += [f"{key}: {', '.join(found[key]) or 'none'}" for key in ("features", "semantics")]
    return "\n".join(lines + [f"lacks {', '.join(found['missing'])}"] * bool(found["missing"]))


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
