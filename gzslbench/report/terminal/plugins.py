"""Methods, heads and extractors on the terminal and as JSON, with their parameters and published numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from gzslbench.plugins.extractor import ExtractorSpec
from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import fields_of
from gzslbench.plugins.spec import spec_fields
from gzslbench.report.printing import key_values, make_table

if TYPE_CHECKING:
    from gzslbench.report.published import PublishedNumber

MARKS = {"!": "H is not 2US/(U+S): one of the three is wrong", "*": "H computed from U and S"}
"""Marks of published numbers, and what they mean."""
VERIFIED = {
    "seen": "somebody read the number in its source",
    "memory": "the number is from memory: look it up before you cite it",
    "doubtful": "the number is from memory, and unsure",
}
"""What the column ``verified`` says."""


def spec_json(
    spec: MethodSpec | HeadSpec, numbers: Sequence[PublishedNumber] | None = None
) -> dict[str, Any]:
    """Return all that ``gzslbench methods NAME`` or ``heads NAME`` shows; a head has no ``numbers``."""
    content = {**spec_fields(spec), **parameters_json(spec)}
    if numbers is not None:
        content["published"] = [number.as_dict() for number in numbers]
    return content


def spec_description(
    spec: MethodSpec | HeadSpec, numbers: Sequence[PublishedNumber] | None = None
) -> RenderableType:
    """Return the same for the terminal: parameters, settings for each dataset, published numbers, sources."""
    option = f"--method {spec.name}" if numbers is not None else f"--method ce-gzsl --head {spec.name}"
    example = Text.assemble("try it: ", (f"gzslbench run {option} --dataset digits", "bold"))
    published = [] if numbers is None else [Text(), published_view(numbers)]
    return Group(key_values(spec_fields(spec)), Text(), *_parameters(spec), *published, Text(), example)


def parameters_json(spec: MethodSpec | HeadSpec) -> dict[str, Any]:
    """Return ``parameters``, and ``presets`` with their sources and what differs from the defaults."""
    from gzslbench.plugins.presets import load_presets, preset  # reads TOML; the list of methods does not

    fields = fields_of(spec.params)
    # a dataset without a table of its own gets these
    defaults = {**{info.name: info.default for info in fields}, **preset(spec, "", "").values}
    parameters = [
        {
            **{name: getattr(info, name) for name in ("name", "range", "unit", "doc")},
            "type": info.type.__name__,
            "default": defaults[info.name],
            "search": None if info.search is None else str(info.search),
        }
        for info in fields
    ]
    presets = {}
    for name, found in load_presets(spec).items():
        values = {key: value for key, value in found.values.items() if value != defaults[key]}
        presets[name] = {"source": found.source, "values": values}
    return {"parameters": parameters, "presets": presets}


def _parameters(spec: MethodSpec | HeadSpec) -> Iterator[RenderableType]:
    content = parameters_json(spec)
    rows = []
    for info in content["parameters"]:
        unit = f" [{info['unit']}]" if info["unit"] else ""
        cells = (str(info["default"]), info["range"], info["search"] or "", info["doc"] + unit)
        rows.append((info["name"], info["type"], *cells))
    yield make_table(["parameter", "type", "default", "range", "search", "meaning"], rows)
    yield Text()
    for name, found in content["presets"].items():
        values = "  ".join(f"{key}={value}" for key, value in found["values"].items())
        yield Text.assemble((name, "bold"), f"  {found['source']}\n  {values or 'the defaults above'}")


def published_rows(numbers: Sequence[PublishedNumber]) -> list[dict[str, str]]:
    """Return the cells of a row per published number by the name of their column; the marks have no name."""
    rows = []
    for number in numbers:
        H, mark = number.H, "!" if number.consistent is False else ""
        if H is None and number.harmonic is not None:
            H, mark = round(number.harmonic, 1), "*"
        scores = {"U": number.U, "S": number.S, "H": H, "T1": number.T1}
        setting = "" if number.setting == "inductive" else number.setting
        kind = ", ".join(filter(None, (number.label, setting)))
        remarks = (f"{kind}: {number.source}" if kind else number.source, number.note)
        # one decimal, as most papers print, or two where two are printed
        shown = {name: "" if x is None else f"{x:.2f}".removesuffix("0") for name, x in scores.items()}
        how = {name: getattr(number, name) for name in ("split", "selection", "calibration", "verified")}
        what = {"dataset": number.dataset, "semantics": number.semantics}
        what["features"] = number.features + ", fine-tuned" * number.finetuned
        rows.append({**what, **shown, "": mark, **how, "source": "; ".join(filter(None, remarks))})
    return rows


def read_in_code(numbers: Sequence[PublishedNumber]) -> list[str]:
    """Return where selection and calibration were read."""
    return sorted({f"selection and calibration: {number.code}" for number in numbers if number.code})


def published_view(numbers: Sequence[PublishedNumber]) -> RenderableType:
    """Return a row per published number, with the marks explained below it."""
    if not numbers:
        return Text.assemble(("published numbers", "bold"), "  none known")
    from gzslbench.report.published import METRICS

    rows = published_rows(numbers)
    styles = ["yellow" if row[""] or row["verified"] != "seen" else "" for row in rows]
    table = make_table(list(rows[0]), (list(row.values()) for row in rows), METRICS, styles)
    used = {row[""] for row in rows} | {row["verified"] for row in rows}
    about = ", ".join(filter(None, (numbers[0].title, numbers[0].paper)))
    title = Text.assemble(("published numbers", "bold"), f"  in percent, as others print them ({about})")
    marks = key_values({mark: text for mark, text in {**MARKS, **VERIFIED}.items() if mark in used})
    return Group(title, table, marks, *map(Text, read_in_code(numbers)))


def extractor_description(spec: ExtractorSpec) -> RenderableType:
    """Return all that is known of an extractor; where the loaded model decides a value, it says so."""
    command = "gzslbench extract --dataset CUB --images CUB/images --extractor"
    values = spec_fields(spec) | {"name": spec.pattern, "model": ""}
    values["examples"] = "\n".join(f"{command} {example}" for example in spec.examples)
    for name in ("width", "layers", "preparation"):
        values[name] = values[name] or "as the model has it"
    return key_values({name: value for name, value in values.items() if value})
