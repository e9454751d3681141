"""Methods, heads and extractors on the terminal and as JSON, with their parameters and published numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.plugins.extractor import ExtractorSpec, Preparation
from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import fields_of
from gzslbench.plugins.presets import load_presets, preset
from gzslbench.report.published import METRICS, PublishedNumber
from gzslbench.report.terminal.printing import format_assignments, key_values

METHOD_FIELDS = ("name", "title", "paper", "year", "url", "kind", "setting", "preprocessing", "version")
HEAD_FIELDS = ("name", "title", "paper", "year", "url", "setting", "version")
EXTRACTOR_FIELDS = (
    "name", "model", "title", "paper", "year", "url", "width", "layers", "poolings", "weights", "about",
    "examples", "version",
)  # fmt: skip
MARKS = {
    "!": "H is not 2US/(U+S): one of the three is wrong",
    "*": "H computed from U and S",
    "?": "from memory, not looked up again",
    "??": "from memory, and doubtful",
}
"""Marks of published numbers, and what they mean."""
_UNVERIFIED = {"memory": "?", "doubtful": "??"}


def plugins_table(
    specs: Mapping[str, MethodSpec] | Mapping[str, HeadSpec] | Mapping[str, ExtractorSpec],
    columns: Sequence[str],
) -> Table:
    """Return a row per plugin, with these of its fields and its paper."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        table.add_column(name, no_wrap=True)
    table.add_column("paper", overflow="fold")
    for spec in specs.values():
        values = (getattr(spec, name) for name in (*columns, "paper"))
        table.add_row(*(Text("" if value is None else str(value)) for value in values))
    return table


def spec_fields(spec: MethodSpec | HeadSpec) -> dict[str, Any]:
    """Return what a method or a head says of itself."""
    names = METHOD_FIELDS if isinstance(spec, MethodSpec) else HEAD_FIELDS
    return {name: getattr(spec, name) for name in names}


def spec_json(
    spec: MethodSpec | HeadSpec, numbers: Sequence[PublishedNumber] | None = None
) -> dict[str, Any]:
    """Return all that ``gzslbench methods NAME`` or ``heads NAME`` shows.

    Args:
        spec: The method or head.
        numbers: Those published of a method; None for a head.
    """
    content = {**spec_fields(spec), **parameters_json(spec)}
    return (
        content if numbers is None else {**content, "published": [_number_json(number) for number in numbers]}
    )


def spec_description(
    spec: MethodSpec | HeadSpec, numbers: Sequence[PublishedNumber] | None = None
) -> RenderableType:
    """Return the same for the terminal: parameters, settings for each dataset, published numbers, sources."""
    which = f"--method {spec.name}" if numbers is not None else f"--method ce-gzsl --head {spec.name}"
    example = f"gzslbench run {which} --dataset digits"
    published = [] if numbers is None else [Text(), published_table(numbers)]
    parts = [key_values(spec_fields(spec)), Text(), *_parameters(parameters_json(spec)), *published]
    return Group(*parts, Text(), Text.assemble("try it: ", (example, "bold")))


def parameters_json(spec: MethodSpec | HeadSpec) -> dict[str, Any]:
    """Return ``parameters``, and ``presets`` with their sources and what differs from the defaults."""
    fields = fields_of(spec.params)
    # a dataset without a table of its own gets these
    defaults = {**{info.name: info.default for info in fields}, **preset(spec, "", "").values}
    return {
        "parameters": [
            {
                "name": info.name,
                "type": info.type.__name__,
                "default": defaults[info.name],
                "range": info.range,
                "unit": info.unit,
                "search": None if info.search is None else str(info.search),
                "doc": info.doc,
            }
            for info in fields
        ],
        "presets": {
            name: {
                "source": found.source,
                "values": {key: value for key, value in found.values.items() if value != defaults[key]},
            }
            for name, found in load_presets(spec).items()
        },
    }


def _parameters(content: Mapping[str, Any]) -> Iterator[RenderableType]:
    parameters = content["parameters"]
    table = Table(box=None, header_style="bold", pad_edge=False)
    searched = any(info["search"] for info in parameters)
    for name in ("parameter", "type", "default", "range", *(["tuned in"] if searched else [])):
        table.add_column(name, no_wrap=name != "range")
    table.add_column("meaning", overflow="fold")
    for info in parameters:
        unit = f" [{info['unit']}]" if info["unit"] else ""
        search = [info["search"] or ""] if searched else []
        cells = (info["name"], info["type"], str(info["default"]), info["range"], *search, info["doc"] + unit)
        table.add_row(*map(Text, cells))
    yield table
    yield Text()
    for name, found in content["presets"].items():
        yield Text.assemble((name, "bold"), f"  {found['source']}")
        yield Text(f"  {format_assignments(found['values'], '  ') or 'the defaults above'}")


def published_rows(numbers: Sequence[PublishedNumber]) -> tuple[list[dict[str, str]], list[str]]:
    """Return a row per published number, and the remarks that the rows refer to.

    Returns:
        The cells of each row by the name of their column, that of the marks without a name, where ``source``
        counts the remarks from 1; and the remarks.
    """
    remarks = list(dict.fromkeys(remark for number in numbers for remark in _remarks(number)))
    rows = [_published_row(number, remarks) for number in numbers]
    if all(number.features == "res101" for number in numbers):
        rows = [{name: cell for name, cell in row.items() if name != "features"} for row in rows]
    return rows, remarks


def published_table(numbers: Sequence[PublishedNumber]) -> RenderableType:
    """Return a row per published number, with marks and sources explained below it."""
    if not numbers:
        return Text.assemble(("published numbers", "bold"), "  none known")
    rows, remarks = published_rows(numbers)
    table = Table(box=None, header_style="bold", pad_edge=False, collapse_padding=True)
    for name in rows[0]:
        is_score = name in METRICS
        table.add_column(name, justify="right" if is_score else "left", no_wrap=is_score, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row.values()), style="yellow" if row[""] else "")
    used = {mark for row in rows for mark in row[""].split()}
    below = {mark: meaning for mark, meaning in MARKS.items() if mark in used}
    below |= {str(at): remark for at, remark in enumerate(remarks, start=1)}
    title = Text.assemble(("published numbers", "bold"), "  in percent, as others print them")
    return Group(title, table, key_values(below))


def _number_json(number: PublishedNumber) -> dict[str, Any]:
    """Return every field but the method's, with the computed harmonic mean and whether H agrees with it."""
    values = msgspec.structs.asdict(number)
    for name in ("method", "title", "paper"):
        del values[name]
    return {**values, "harmonic": number.harmonic, "consistent": number.consistent}


def _published_row(number: PublishedNumber, remarks: list[str]) -> dict[str, str]:
    H, marks = number.H, ["!"] if number.consistent is False else []
    if H is None and number.harmonic is not None:
        H, marks = round(number.harmonic, 1), ["*"]
    if number.verified in _UNVERIFIED:
        marks.append(_UNVERIFIED[number.verified])
    scores = {"U": number.U, "S": number.S, "H": H, "T1": number.T1}
    return {
        "dataset": number.dataset,
        "semantics": number.semantics,
        "features": number.features,
        "fine-tuned": "yes" if number.finetuned else "no",
        # one decimal, as most papers print, or two where two are printed
        **{name: "" if score is None else f"{score:.2f}".removesuffix("0") for name, score in scores.items()},
        "": " ".join(marks),
        "split": number.split,
        "verified": number.verified,
        "source": ", ".join(str(remarks.index(remark) + 1) for remark in _remarks(number)),
    }


def _remarks(number: PublishedNumber) -> list[str]:
    """Return what kind of number it is and its source; then the note."""
    setting = "" if number.setting == "inductive" else number.setting
    kind = ", ".join(filter(None, (number.label, setting)))
    return [f"{kind}: {number.source}" if kind else number.source, *filter(None, [number.note])]


def extractor_json(spec: ExtractorSpec) -> dict[str, Any]:
    """Return all that is known of an extractor without loading it."""
    preparation = dataclasses.asdict(spec.preparation) if spec.preparation else None
    return {**{name: getattr(spec, name) for name in EXTRACTOR_FIELDS}, "preparation": preparation}


def extractor_description(spec: ExtractorSpec) -> RenderableType:
    """Return the same for the terminal; where the loaded model decides a value, it says so."""
    command = "gzslbench extract --dataset CUB --images CUB/images --extractor"
    values = extractor_json(spec)
    values = {name: ", ".join(v) if isinstance(v, tuple) else v for name, v in values.items()}
    values |= {"name": spec.pattern, "model": ""}
    values["examples"] = "\n".join(f"{command} {example}" for example in spec.examples)
    values["preparation"] = _format_preparation(spec.preparation) if spec.preparation else None
    for name in ("width", "layers", "preparation"):
        values[name] = values[name] or "as the model has it"
    return key_values({name: value for name, value in values.items() if value})


def _format_preparation(preparation: Preparation) -> str:
    """Return how an image becomes the network's input."""
    mean, std = (" ".join(f"{v:g}" for v in values) for values in (preparation.mean, preparation.std))
    square, short = f"{preparation.crop} x {preparation.crop}", preparation.short_side
    if preparation.crops == "whole":
        return f"squeezed to {square} ({preparation.interpolation}), mean {mean}, std {std}"
    crops = "centre" if preparation.crops == "centre" else "centre and corners, also of the mirror image,"
    return (
        f"shorter side {short} pixels ({preparation.interpolation}, longer side rounded"
        f" {preparation.rounding}), {crops} {square}, mean {mean}, std {std}"
    )
