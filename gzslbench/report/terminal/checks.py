"""What ``gzslbench doctor`` found, on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.report.console.console import key_values


def health_report(health: Mapping[str, Any]) -> RenderableType:
    """Every section, then the problems."""
    data, results, compilation = health["data"], health["results"], health["compilation"]
    sections: dict[str, RenderableType] = {
        "versions": key_values(
            {name: found or "not installed" for name, found in health["versions"].items()}
        ),
        "device": key_values(
            {
                **health["device"],
                "cuda": ", ".join(health["device"]["cuda"]) or "none",
                "compiled on a CPU": compilation["obstacle"] or f"yes, by {compilation['compiler']}",
            }
        ),
        "plugins": _plugins(health["plugins"]),
        "methods and made datasets": key_values(
            {each["name"]: each["error"] or "ok" for each in health["code"]}
        ),
        "trackers": key_values({each["name"]: _tracker(each) for each in health["trackers"]}),
        "data": key_values(
            {
                "root": data["root"] + _state(data),
                **data["datasets"],
                "not found": ", ".join(data["missing"]) or "none",
            }
        ),
        "results": key_values(
            {results["folder"]: "can be written" if results["error"] is None else "PROBLEM"}
        ),
    }
    parts: list[RenderableType] = []
    for title, content in sections.items():
        parts += [Text(title, style="bold"), content, Text()]
    problems = health["problems"]
    parts += [Text(problem, style="bold red") for problem in problems]
    parts.append(Text(f"{len(problems)} to mend" if problems else "all well", style="bold"))
    return Group(*parts)


def _state(data: Mapping[str, Any]) -> str:
    if data["error"]:
        return " (PROBLEM)"
    return "" if data["there"] else " (missing; name one with GZSLBENCH_DATA)"


def _tracker(tracker: Mapping[str, Any]) -> str:
    if not tracker["missing"]:
        return "installed"
    advice = f": pip install '{tracker['install']}'" if tracker["install"] else ""
    return f"not installed{advice}"


def _plugins(plugins: list[Mapping[str, Any]]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=True)
    for each in plugins:
        state = each["error"] or ("ok" if each["loads"] else "switched off by GZSLBENCH_PLUGINS")
        origin = f"{each['distribution']} {each['version']}"
        table.add_row(Text(each["name"], style="cyan"), Text(origin), Text(state))
    return table
