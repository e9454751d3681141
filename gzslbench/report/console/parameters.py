"""What a plugin takes: its parameters and its settings for each dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import ParamInfo, fields_of
from gzslbench.plugins.presets import Preset, load_presets, preset


def as_json(spec: MethodSpec | HeadSpec) -> dict[str, Any]:
    """``parameters``, and ``presets`` with their sources."""
    defaults = _defaults(spec)
    return {
        "parameters": [_describe(info, defaults[info.name]) for info in fields_of(spec.params)],
        "presets": {
            name: {"source": each.source, "values": _differences(each, defaults)}
            for name, each in load_presets(spec).items()
        },
    }


def description(content: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What ``as_json`` gave, to print."""
    yield _parameters(content["parameters"])
    yield Text()
    for name, each in content["presets"].items():
        yield Text.assemble((name, "bold"), f"  {each['source']}")
        yield Text(f"  {_assignments(each['values']) or 'the defaults above'}")


def _describe(info: ParamInfo, default: Any) -> dict[str, Any]:
    return {
        "name": info.name,
        "type": info.type.__name__,
        "default": default,
        "range": info.range,
        "unit": info.unit,
        "search": None if info.search is None else str(info.search),
        "doc": info.doc,
    }


def _defaults(spec: MethodSpec | HeadSpec) -> dict[str, Any]:
    """What a dataset without a table gets."""
    return {**{info.name: info.default for info in fields_of(spec.params)}, **preset(spec, "", "").values}


def _differences(chosen: Preset, defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in chosen.values.items() if value != defaults[name]}


def _parameters(parameters: list[dict[str, Any]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    searched = any(each["search"] for each in parameters)
    columns = ("parameter", "type", "default", "range", *(["tuned in"] if searched else []))
    for name in columns:
        table.add_column(name, no_wrap=name != "range")
    table.add_column("meaning", overflow="fold")
    for each in parameters:
        unit = f" [{each['unit']}]" if each["unit"] else ""
        where = [each["search"] or ""] if searched else []
        cells = (each["name"], each["type"], str(each["default"]), each["range"], *where)
        table.add_row(*(Text(cell) for cell in (*cells, each["doc"] + unit)))
    return table


def _assignments(values: Mapping[str, Any]) -> str:
    return "  ".join(f"{name}={value}" for name, value in values.items())
