"""Methods and heads on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.plugins.extractor import ExtractorSpec
from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.method import MethodSpec
from gzslbench.report.console import parameters
from gzslbench.report.console import published as report
from gzslbench.report.console.console import key_values
from gzslbench.report.published import PublishedNumber

METHOD = ("name", "title", "paper", "year", "url", "kind", "setting", "preprocessing", "version")
HEAD = ("name", "title", "paper", "year", "url", "setting", "version")


def table(
    specs: Mapping[str, MethodSpec] | Mapping[str, HeadSpec] | Mapping[str, ExtractorSpec],
    columns: Sequence[str],
) -> Table:
    """A row a plugin, with these of its fields and its paper."""
    rows = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        rows.add_column(name, no_wrap=True)
    rows.add_column("paper", overflow="fold")
    for spec in specs.values():
        values = (getattr(spec, name) for name in (*columns, "paper"))
        rows.add_row(*(Text("" if value is None else str(value)) for value in values))
    return rows


def about(spec: MethodSpec | HeadSpec) -> dict[str, Any]:
    """The plugin's row as JSON."""
    return {name: getattr(spec, name) for name in (METHOD if isinstance(spec, MethodSpec) else HEAD)}


def method_as_json(spec: MethodSpec, numbers: Sequence[PublishedNumber]) -> dict[str, Any]:
    """All that ``gzslbench methods NAME`` shows; ``numbers`` are those published of the method."""
    return {
        **about(spec),
        **parameters.as_json(spec),
        "published": [report.as_json(number) for number in numbers],
    }


def head_as_json(spec: HeadSpec) -> dict[str, Any]:
    """All that ``gzslbench heads NAME`` shows."""
    return {**about(spec), **parameters.as_json(spec)}


def method_description(spec: MethodSpec, numbers: Sequence[PublishedNumber]) -> RenderableType:
    """What the method is, its parameters, settings for each dataset and published numbers, with sources."""
    parts = [Text(), report.published_table(numbers)]
    return _description(spec, *parts, example=f"gzslbench run --method {spec.name} --dataset digits")


def head_description(spec: HeadSpec) -> RenderableType:
    """What the head is, its parameters and settings for each dataset, with sources."""
    return _description(spec, example=f"gzslbench run --method ce-gzsl --head {spec.name} --dataset digits")


def _description(spec: MethodSpec | HeadSpec, *more: RenderableType, example: str) -> RenderableType:
    content = parameters.description(parameters.as_json(spec))
    return Group(
        key_values(about(spec)), Text(), *content, *more, Text(), Text.assemble("try it: ", (example, "bold"))
    )
