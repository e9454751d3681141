"""A page for each method and head: its README, with tables from the code and from stored numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from markdown_tables import percent, table
from page_links import PAGES, ROOT

from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.registry import plugins
from gzslbench.report.published import published_of
from gzslbench.report.terminal.plugins import parameters_json

KINDS = {
    "generative": "Methods that synthesize features of unseen classes",
    "scoring": "Methods that score the classes",
}
RULES = ("last", "val", "val-calibrated", "test-peek", "test-peek-gamma")
METRICS = ("U", "S", "H", "T1", "AUSUC")
OUR_NUMBERS = """## Our numbers

In percent, means over seeds, from `benchmarks/metrics`. The suites are sized for a CPU, and their
features are not those of the published tables. Rules that begin with `test-peek` chose on the test set:
they show what that habit is worth, and are no results. Nothing was measured on a GPU yet."""
PUBLISHED = """## Published numbers and their sources

In percent, as others print them. *Selection* says how the published program chose its epoch: most chose
on the test set. *Verified* says whether we saw the number at its source."""
INDEX = """# Methods

Every method has a page: its idea, its equations, its parameters, its presets with their sources, our
numbers, and how it differs from the published program. `gzslbench methods` prints this list, and
[Methods that are not included](../methods-left-out.md) says what is missing and why."""
HEADS = """## Heads

A head is the classifier that is trained on synthesized features. The default is a softmax head; these
can replace it: `--head NAME`."""


def make_method_pages() -> dict[str, str]:
    """Return the pages of all methods and heads, and the page that lists them, by their place in the site."""
    pages = {"methods/index.md": _index()}
    for name, spec in {**_own(plugins().methods()), **_own(plugins().heads())}.items():
        folder = spec.load.partition(":")[0].replace("gzslbench_methods.", "methods/").replace(".", "/")
        readme = ROOT / folder / "README.md"
        if not readme.is_file():  # `load` names a module of the folder
            readme = (ROOT / folder).parent / "README.md"
        uri = PAGES[readme.relative_to(ROOT).as_posix()] = f"methods/{name}.md"
        pages[uri] = _page(spec, readme.read_text(encoding="utf-8"))
    return pages


def _own(specs: Any) -> dict[str, MethodSpec | HeadSpec]:
    return {name: spec for name, spec in specs.items() if spec.load.startswith("gzslbench_methods.")}


def _page(spec: MethodSpec | HeadSpec, readme: str) -> str:
    content = parameters_json(spec)
    command = "methods" if isinstance(spec, MethodSpec) else "heads"
    parts = [
        readme.rstrip(),
        f"## Table of the parameters\n\nThe defaults, as `gzslbench {command} {spec.name}` prints them. "
        "*Search* is the space that `gzslbench tune` searches.",
        table(
            ("parameter", "default", "range", "search", "meaning"),
            [
                (
                    f"`{item['name']}`",
                    f"`{str(item['default']).lower() if item['type'] == 'bool' else item['default']}`",
                    item["range"],
                    item["search"] or "",
                    item["doc"] + (f" [{item['unit']}]" if item["unit"] else ""),
                )
                for item in content["parameters"]
            ],
        ),
        "## Presets and their sources\n\nWhat a run on a dataset uses without `--set`.",
        table(
            ("dataset", "differs from the defaults in", "source"),
            [
                (name, ", ".join(f"`{key}={value}`" for key, value in item["values"].items()), item["source"])
                for name, item in content["presets"].items()
            ],
        ),
        *_stored(spec),
    ]
    if isinstance(spec, MethodSpec):
        parts += list(_published(spec.name))
    return "\n\n".join(parts) + "\n"


def _stored(spec: MethodSpec | HeadSpec) -> Iterator[str]:
    """Yield the numbers of this method, or of all methods with this head, from benchmarks/metrics."""
    yield OUR_NUMBERS
    names = sorted(plugins().methods(), key=len, reverse=True)
    found = False
    for file in sorted((ROOT / "benchmarks" / "metrics").glob("*.json")):
        suite = json.loads(file.read_text(encoding="utf-8"))
        rows = []
        for label, entry in suite["runs"].items():
            first = entry["runs"][0]
            method = next(name for name in names if first["id"].startswith(f"{name}-"))
            if spec.name not in (method, first["head"]):
                continue
            for rule in RULES:
                runs = [run["by_rule"][rule] for run in entry["runs"] if rule in run["by_rule"]]
                if runs:
                    means = [percent(sum(run[name] for run in runs) / len(runs)) for name in METRICS]
                    rows.append((label, f"`{rule}`", len(runs), *means))
        if rows:
            found = True
            yield f"**{file.stem}**: {suite['title']} ({suite['date']})"
            yield table(("run", "rule", "seeds", *METRICS), rows)
    if not found:
        yield "None yet."


def _published(name: str) -> Iterator[str]:
    """Yield the published numbers with the place where each was read."""
    numbers = published_of(name, plugins().published())
    yield PUBLISHED
    if not numbers:
        yield "None are stored."
        return
    rows = [
        (
            number.dataset,
            number.semantics,
            number.features,
            *(percent(getattr(number, metric)) for metric in ("U", "S", "H", "T1")),
            number.selection,
            number.calibration,
            number.verified,
            number.source,
        )
        for number in numbers
    ]
    columns = (
        "dataset",
        "semantics",
        "features",
        "U",
        "S",
        "H",
        "T1",
        "selection",
        "calibration",
        "verified",
    )
    yield table((*columns, "source"), rows)


def _index() -> str:
    parts = [INDEX]
    methods = sorted(_own(plugins().methods()).values(), key=lambda spec: (spec.kind, spec.year))
    for kind, specs in groupby(methods, key=lambda spec: spec.kind):
        rows = [(f"[{spec.title}]({spec.name}.md)", spec.setting, spec.paper) for spec in specs]
        parts += [f"## {KINDS.get(kind, kind)}", table(("method", "setting", "paper"), rows)]
    heads = sorted(_own(plugins().heads()).values(), key=lambda spec: spec.year)
    rows = [(f"[{spec.title}]({spec.name}.md)", spec.setting, spec.paper) for spec in heads]
    parts += [HEADS, table(("head", "setting", "paper"), rows)]
    return "\n\n".join(parts) + "\n"
