"""Methods on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.method import MethodSpec
from gzslbench.params import ParamInfo, fields_of
from gzslbench.presets import Preset, load_presets, preset
from gzslbench.reporting import published as report
from gzslbench.reporting.console import key_values
from gzslbench.results.published import PublishedNumber

ABOUT = ("name", "title", "paper", "url", "kind", "setting", "preprocessing", "version")


def methods_table(specs: Mapping[str, MethodSpec]) -> Table:
    """A row a method."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("name", no_wrap=True)
    for name in ("title", "kind", "setting"):
        table.add_column(name, no_wrap=True)
    table.add_column("paper", overflow="fold")
    for spec in specs.values():
        table.add_row(*(Text(text) for text in (spec.name, spec.title, spec.kind, spec.setting, spec.paper)))
    return table


def about(spec: MethodSpec) -> dict[str, Any]:
    """The method's row as JSON."""
    return {name: getattr(spec, name) for name in ABOUT}


def as_json(spec: MethodSpec, numbers: Sequence[PublishedNumber]) -> dict[str, Any]:
    """All that ``gzslbench methods NAME`` shows; ``numbers`` are those published of the method."""
    defaults = _defaults(spec)
    return {
        **about(spec),
        "parameters": [_describe(info, defaults[info.name]) for info in fields_of(spec.params)],
        "presets": {
            name: {"source": each.source, "values": _differences(each, defaults)}
            for name, each in load_presets(spec).items()
        },
        "published": [report.as_json(number) for number in numbers],
    }


def method_description(spec: MethodSpec, numbers: Sequence[PublishedNumber]) -> RenderableType:
    """What the method is, its parameters, settings for each dataset and published numbers, with sources."""
    description = as_json(spec, numbers)
    parts: list[RenderableType] = [key_values({name: description[name] for name in ABOUT}), Text()]
    parts += [_parameters(description["parameters"]), Text()]
    for name, each in description["presets"].items():
        parts.append(Text.assemble((name, "bold"), f"  {each['source']}"))
        parts.append(Text(f"  {_assignments(each['values']) or 'the defaults above'}"))
    parts += [Text(), report.published_table(numbers)]
    example = f"gzslbench run --method {spec.name} --dataset digits"
    return Group(*parts, Text(), Text.assemble("try it: ", (example, "bold")))


def _describe(info: ParamInfo, default: Any) -> dict[str, Any]:
    return {
        "name": info.name,
        "type": info.type.__name__,
        "default": default,
        "range": info.range,
        "unit": info.unit,
        "doc": info.doc,
    }


def _defaults(spec: MethodSpec) -> dict[str, Any]:
    """What a dataset without a table gets."""
    return {**{info.name: info.default for info in fields_of(spec.params)}, **preset(spec, "", "").values}


def _differences(chosen: Preset, defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in chosen.values.items() if value != defaults[name]}


def _parameters(parameters: list[dict[str, Any]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("parameter", "type", "default", "range"):
        table.add_column(name, no_wrap=name != "range")
    table.add_column("meaning", overflow="fold")
    for each in parameters:
        unit = f" [{each['unit']}]" if each["unit"] else ""
        cells = (each["name"], each["type"], str(each["default"]), each["range"], each["doc"] + unit)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _assignments(values: Mapping[str, Any]) -> str:
    return "  ".join(f"{name}={value}" for name, value in values.items())
