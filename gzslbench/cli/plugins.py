"""gzslbench methods, heads, extractors and datasets: list what is installed, or describe one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gzslbench.cli.options import combine, data_option, json_option
from gzslbench.errors import DataError, did_you_mean
from gzslbench.plugins.registry import plugins

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gzslbench.plugins.dataset import DatasetSpec

METHODS_EPILOG = """\b
Examples:
  gzslbench methods
  gzslbench methods ce-gzsl
  gzslbench methods --json
"""
HEADS_EPILOG = """\b
Examples:
  gzslbench heads
  gzslbench run --method ce-gzsl --head zlap --dataset digits
"""
EXTRACTORS_EPILOG = """\b
Examples:
  gzslbench extractors
  gzslbench extractors resnet101
"""
DATASETS_EPILOG = """\b
Examples:
  gzslbench datasets
  gzslbench datasets AWA2 --data ~/xlsa17/data
"""
DATASET_COLUMNS = ("name", "title", "features", "semantics", "place")
list_options = combine(click.argument("name", required=False), json_option())


@click.command(epilog=METHODS_EPILOG)
@list_options
def methods(name: str | None, as_json: bool) -> None:
    """List the methods, or describe one.

    With NAME: its parameters, its settings for each dataset, and published numbers with their sources.
    """
    from gzslbench.report.terminal import plugins as view

    if name is None:
        specs = plugins().methods()
        content = {spec.name: view.spec_fields(spec) for spec in specs.values()}
        _print(content, view.plugins_table(specs, ("name", "title", "year", "kind", "setting")), as_json)
    else:
        from gzslbench.report.published import published_of

        spec = plugins().method(name)
        numbers = published_of(spec.name, plugins().published())
        _print(view.spec_json(spec, numbers), view.spec_description(spec, numbers), as_json)


@click.command(epilog=HEADS_EPILOG)
@list_options
def heads(name: str | None, as_json: bool) -> None:
    """List the heads of generative methods, or describe one.

    A head is the classifier that is trained on synthesized features: `gzslbench run --head NAME`. The default
    head is softmax. With NAME: its parameters and its settings for each dataset.
    """
    from gzslbench.report.terminal import plugins as view

    if name is None:
        specs = plugins().heads()
        content = {spec.name: view.spec_fields(spec) for spec in specs.values()}
        _print(content, view.plugins_table(specs, ("name", "title", "year", "setting")), as_json)
    else:
        spec = plugins().head(name)
        _print(view.spec_json(spec), view.spec_description(spec), as_json)


@click.command(epilog=EXTRACTORS_EPILOG)
@list_options
def extractors(name: str | None, as_json: bool) -> None:
    """List the feature extractors, or describe one.

    With NAME: its weights, layers and poolings, and how it prepares an image.
    """
    from gzslbench.report.terminal import plugins as view

    if name is None:
        specs = plugins().extractors()
        content = {spec.name: view.extractor_json(spec) for spec in specs.values()}
        shown = {spec.name: replace(spec, name=spec.pattern) for spec in specs.values()}
        _print(content, view.plugins_table(shown, ("name", "title", "year", "width")), as_json)
    else:
        spec = plugins().extractor(name)
        _print(view.extractor_json(spec), view.extractor_description(spec), as_json)


@click.command(epilog=DATASETS_EPILOG)
@list_options
@data_option
def datasets(name: str | None, data: Path | None, as_json: bool) -> None:
    """List the known datasets and where their files are, or describe one.

    With NAME: where to get the files, and what is known about them.
    """
    from gzslbench.report.terminal.printing import key_values, make_table

    specs = plugins().datasets()
    if name is None:
        described = [_describe(spec, data) for spec in specs.values()]
        rows = ([dataset[column] for column in DATASET_COLUMNS] for dataset in described)
        _print(described, make_table(DATASET_COLUMNS, rows), as_json)
        if not as_json:
            click.echo("describe one: gzslbench datasets NAME; set the folder: --data or $GZSLBENCH_DATA")
        return
    spec = {known.lower(): spec for known, spec in specs.items()}.get(name.lower())
    if spec is None:
        raise DataError(f"no dataset {name!r}", fix=did_you_mean(name, list(specs)))
    found = _describe(spec, data)
    _print(found, key_values(_readable(found)), as_json)


def _print(content: object, view: RenderableType, as_json: bool) -> None:
    from gzslbench.report.terminal.printing import make_console

    if as_json:
        click.echo(json.dumps(content, indent=2))
    else:
        make_console().print(view)


def _describe(spec: DatasetSpec, data: Path | None) -> dict[str, Any]:
    from gzslbench.data.catalogue import find_folder

    folder = None if spec.load else find_folder(spec.name, data)
    return asdict(spec) | {"place": "built in" if spec.load else str(folder or "not found")}


def _readable(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known about a dataset, one fact for each line, without what is not known."""
    facts = {name: value for name, value in described.items() if name not in ("archives", "expected")}
    facts |= {f"expected {name}": value for name, value in (described["expected"] or {}).items()}
    content = {True: "images, with --images", False: "features and splits"}
    facts["data fetch"] = "\n".join(
        f"{archive['url']} ({content[archive['images']]})" for archive in described["archives"]
    )
    for name, value in facts.items():
        if isinstance(value, dict):
            facts[name] = "\n".join(f"{key} {count}" for key, count in value.items())
    return {name: value for name, value in facts.items() if value}
