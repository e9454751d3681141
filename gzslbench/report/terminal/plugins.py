"""Methods, heads and extractors on the terminal and as JSON, with their parameters and published numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gzslbench.plugins.extractor import ExtractorSpec
from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import fields_of
from gzslbench.plugins.presets import load_presets, preset
from gzslbench.report.published import METRICS, PublishedNumber
from gzslbench.report.terminal.printing import key_values, make_table

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
    columns = [*columns, "paper"]
    rows = ([getattr(spec, name) for name in columns] for spec in specs.values())
    return make_table(columns, rows)


def spec_fields(spec: MethodSpec | HeadSpec) -> dict[str, Any]:
    """Return the fields of a method or a head that its description shows."""
    names = METHOD_FIELDS if isinstance(spec, MethodSpec) else HEAD_FIELDS
    return {name: getattr(spec, name) for name in names}


def spec_json(
    spec: MethodSpec | HeadSpec, numbers: Sequence[PublishedNumber] | None = None
) -> dict[str, Any]:
    """Return all that ``gzslbench methods NAME`` or ``heads NAME`` shows; a head has no ``numbers``."""
    content = {**spec_fields(spec), **parameters_json(spec)}
    if numbers is not None:
        content["published"] = [_number_json(number) for number in numbers]
    return content


def spec_description(
    spec: MethodSpec | HeadSpec, numbers: Sequence[PublishedNumber] | None = None
) -> RenderableType:
    """Return the same for the terminal: parameters, settings for each dataset, published numbers, sources."""
    option = f"--method {spec.name}" if numbers is not None else f"--method ce-gzsl --head {spec.name}"
    example = Text.assemble("try it: ", (f"gzslbench run {option} --dataset digits", "bold"))
    published = [] if numbers is None else [Text(), _published_table(numbers)]
    return Group(key_values(spec_fields(spec)), Text(), *_parameters(spec), *published, Text(), example)


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


def _parameters(spec: MethodSpec | HeadSpec) -> Iterator[RenderableType]:
    content = parameters_json(spec)
    columns = {"parameter": "name", "type": "type", "default": "default", "range": "range"}
    if any(info["search"] for info in content["parameters"]):
        columns["tuned in"] = "search"
    rows = [
        [
            *("" if info[key] is None else str(info[key]) for key in columns.values()),
            info["doc"] + (f" [{info['unit']}]" if info["unit"] else ""),
        ]
        for info in content["parameters"]
    ]
    yield make_table([*columns, "meaning"], rows)
    yield Text()
    for name, found in content["presets"].items():
        values = "  ".join(f"{key}={value}" for key, value in found["values"].items())
        yield Text.assemble((name, "bold"), f"  {found['source']}\n  {values or 'the defaults above'}")


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


def _published_table(numbers: Sequence[PublishedNumber]) -> RenderableType:
    """Return a row per published number, with marks and sources explained below it."""
    if not numbers:
        return Text.assemble(("published numbers", "bold"), "  none known")
    rows, remarks = published_rows(numbers)
    cells = [list(row.values()) for row in rows]
    table = make_table(list(rows[0]), cells, METRICS, ["yellow" if row[""] else "" for row in rows])
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
    preparation = asdict(spec.preparation) if spec.preparation else None
    return {**{name: getattr(spec, name) for name in EXTRACTOR_FIELDS}, "preparation": preparation}


def extractor_description(spec: ExtractorSpec) -> RenderableType:
    """Return the same for the terminal; where the loaded model decides a value, it says so."""
    command = "gzslbench extract --dataset CUB --images CUB/images --extractor"
    values = extractor_json(spec) | {"name": spec.pattern, "model": ""}
    values["examples"] = "\n".join(f"{command} {example}" for example in spec.examples)
    for name in ("width", "layers", "preparation"):
        values[name] = values[name] or "as the model has it"
    return key_values({name: value for name, value in values.items() if value})
