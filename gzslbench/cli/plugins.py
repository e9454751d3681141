"""gzslbench methods, heads, extractors, datasets, check, doctor: what is installed, and does it work."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gzslbench.cli.options import (
    DEFAULT_RESULTS,
    combine,
    data_option,
    features_option,
    flag,
    json_option,
    option,
    print_json,
    results_option,
)
from gzslbench.errors import DataError, did_you_mean
from gzslbench.plugins.registry import plugins
from gzslbench.plugins.spec import spec_fields

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gzslbench.data.inventory import Inventory
    from gzslbench.plugins.dataset import DatasetSpec
    from gzslbench.testing.check import Outcome

METHODS_EPILOG = """\b
Examples:
  gzslbench methods
  gzslbench methods ce-gzsl
  gzslbench methods --published
  gzslbench methods transzero
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
CHECK_EPILOG = """\b
Examples:
  gzslbench check my-method
  gzslbench check my-method --fast
  gzslbench check --all --kind dataset
  gzslbench check my-method --dataset CUB

The same checks can run in your tests, see gzslbench.testing.
"""
DOCTOR_EPILOG = """\b
Examples:
  gzslbench doctor
  gzslbench doctor --data ~/xlsa17/data --json
"""
FOUND = ("features", "semantics")
list_options = combine(click.argument("name", required=False), json_option())


@click.command(epilog=METHODS_EPILOG)
@list_options
@flag("--published", "List the methods of which only published numbers are known.", to="only_published")
def methods(name: str | None, as_json: bool, only_published: bool) -> None:
    """List the methods, or describe one.

    With NAME: its parameters, its settings for each dataset, and published numbers with their sources. The
    latter are also known of methods that are not installed (--published).
    """
    specs = plugins().methods()
    if only_published:
        stems = {path.stem for folder in plugins().published() for path in folder.glob("*.toml")}
        others = sorted(stems - set(specs))
        print_json(others, indent=None) if as_json else click.echo("\n".join(others))
        return
    if name is None:
        _print_specs(specs, ("name", "title", "year", "kind", "setting", "paper"), as_json)
        return
    from gzslbench.report.published import published_of
    from gzslbench.report.terminal import plugins as view

    numbers = published_of(name, plugins().published())
    if numbers and name not in specs:
        _print([number.as_dict() for number in numbers], view.published_view(numbers), as_json)
        return
    spec = plugins().method(name)
    _print(view.spec_json(spec, numbers), view.spec_description(spec, numbers), as_json)


@click.command(epilog=HEADS_EPILOG)
@list_options
def heads(name: str | None, as_json: bool) -> None:
    """List the heads of generative methods, or describe one.

    A head is the classifier that is trained on synthesized features: `gzslbench run --head NAME`. The default
    head is softmax. With NAME: its parameters and its settings for each dataset.
    """
    if name is None:
        _print_specs(plugins().heads(), ("name", "title", "year", "setting", "paper"), as_json)
        return
    from gzslbench.report.terminal import plugins as view

    spec = plugins().head(name)
    _print(view.spec_json(spec), view.spec_description(spec), as_json)


@click.command(epilog=EXTRACTORS_EPILOG)
@list_options
def extractors(name: str | None, as_json: bool) -> None:
    """List the feature extractors, or describe one.

    With NAME: its weights, layers and poolings, and how it prepares an image.
    """
    if name is None:
        _print_specs(plugins().extractors(), ("pattern", "title", "year", "width", "paper"), as_json)
        return
    from gzslbench.report.terminal.plugins import extractor_description

    spec = plugins().extractor(name)
    _print(spec_fields(spec), extractor_description(spec), as_json)


@click.command(epilog=DATASETS_EPILOG)
@list_options
@data_option
def datasets(name: str | None, data: Path | None, as_json: bool) -> None:
    """List the datasets and what a run can take from their folders, or describe one.

    With NAME: where to get the files, and what is known about them. Datasets of your own are found directly
    below the data folder.
    """
    from gzslbench.data.inventory import take_inventory

    specs = plugins().datasets()
    found = {item.name: _describe(item, specs.get(item.name)) for item in take_inventory(data)}
    if name is None:
        described = list(found.values())
        rows = [row | {key: ", ".join(row["found"][key]) for key in FOUND} for row in described]
        _print_rows(described, ("name", *FOUND, "place", "title"), rows, as_json)
        if not as_json:
            missing = {row["name"]: ", ".join(row["found"]["missing"]) for row in described}
            click.echo("".join(f"\n{name} lacks {files}" for name, files in missing.items() if files))
            click.echo("how to get them: gzslbench datasets NAME\nanother folder: --data or $GZSLBENCH_DATA")
        return
    from gzslbench.data.catalogue import how_to_get
    from gzslbench.report.printing import key_values

    known = {known.lower(): known for known in found}.get(name.lower())
    if known is None:
        fix = f"{did_you_mean(name, list(found))}; for a folder elsewhere: gzslbench data show FOLDER"
        raise DataError(f"no dataset {name!r}", fix=fix)
    spec, facts = specs.get(known), _readable(found[known])
    if spec is not None and found[known]["found"]["missing"]:
        facts["how to get"] = "\n".join(map(str.strip, how_to_get(spec, data).splitlines()))
    _print(found[known], key_values(facts), as_json)


def _print(content: object, view: RenderableType, as_json: bool) -> None:
    from gzslbench.report.printing import make_console

    if as_json:
        print_json(content)
    else:
        make_console().print(view)


def _print_specs(specs: Mapping[str, Any], columns: Sequence[str], as_json: bool) -> None:
    content = {name: spec_fields(spec) for name, spec in specs.items()}
    rows = ({column: getattr(spec, column) for column in columns} for spec in specs.values())
    _print_rows(content, columns, rows, as_json)


def _print_rows(
    content: object, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], as_json: bool
) -> None:
    """Print a table without rich, whose import takes as long as the rest of the command."""
    if as_json:
        print_json(content)
        return
    lines = [columns, *([str(row[name] or "–") for name in columns] for row in rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    # A long last cell is cut at the edge of a terminal; files and pipes get whole lines.
    edge = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in lines:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        click.echo(text[:edge])


def _describe(item: Inventory, spec: DatasetSpec | None) -> dict[str, Any]:
    place = str(item.folder or ("built in" if spec and spec.load else "not found"))
    found = {key: list(getattr(item, key)) for key in (*FOUND, "missing")}
    return (asdict(spec) if spec else {"name": item.name, "title": ""}) | {"place": place, "found": found}


def _readable(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known about a dataset, one fact for each line, without what is not known."""
    others = ("archives", "expected", "advice", "sources", "found")
    facts = {name: value for name, value in described.items() if name not in others}
    facts |= {f"{name} here": ", ".join(names) or "none" for name, names in described["found"].items()}
    facts |= {f"expected {name}": value for name, value in (described.get("expected") or {}).items()}
    facts |= {f"source of {name}": text.strip() for name, text in described.get("sources", {}).items()}
    content = {True: "images, with --images", False: "features and splits"}
    facts["data fetch"] = "\n".join(
        f"{archive['url']} ({content[archive['images']]})" for archive in described.get("archives", ())
    )
    for name, value in facts.items():
        if isinstance(value, dict):
            facts[name] = "\n".join(f"{key} {count}" for key, count in value.items())
    return {name: value for name, value in facts.items() if value}


@click.command(epilog=CHECK_EPILOG)
@click.argument("name", required=False)
@flag("--all", "Check all methods, heads, datasets and extractors.", to="check_all")
@option(
    "--kind",
    "method, head, dataset or extractor: if several plugins are called NAME, or with --all.",
)
@flag("--fast", "Skip the checks that train for a long time.")
@option("--dataset", "Judge the method NAME on this dataset too, as `gzslbench controls` does.")
@features_option
@data_option
@json_option()
def check(
    name: str | None, check_all: bool, kind: str | None, fast: bool, as_json: bool, **task: Any
) -> None:
    """Check that a plugin keeps its contract.

    NAME is a method, head, dataset or extractor. Each failed check says what to change.
    """
    from gzslbench.report.printing import make_console
    from gzslbench.report.terminal.checks import checks_summary, checks_table
    from gzslbench.testing.check import run_checks
    from gzslbench.testing.suites import all_specs, checks_of, find_spec

    if task["dataset"] and (name is None or kind not in (None, "method")):
        raise click.UsageError("--dataset needs the name of one method.")
    if check_all == (name is not None):
        raise click.UsageError("Give the name of one plugin, or --all.")
    found: dict[str, list[Outcome]] = {}
    for kind_of_spec, spec in all_specs(kind) if name is None else [find_spec(name, kind)]:
        title = f"{kind_of_spec} {spec.name}"
        found[title] = run_checks(checks_of(spec, fast=fast))
        if not as_json:
            make_console().print(checks_table(title, found[title]))
    if task["dataset"]:
        title = f"controls of {name} on {task['dataset']}"
        found[title] = _judge_by_controls(method=name, **task)
        if not as_json:
            make_console().print(checks_table(title, found[title]))
    if as_json:
        content = {title: [asdict(outcome) for outcome in outcomes] for title, outcomes in found.items()}
        print_json(content)
    else:
        make_console().print(checks_summary(found))
    if any(outcome.status == "failed" for outcomes in found.values() for outcome in outcomes):
        raise SystemExit(1)


def _judge_by_controls(**task: Any) -> list[Outcome]:
    """Run a method and its controls in the usual results folder; undecided judgements are skipped checks."""
    from gzslbench.report.terminal.progress import watch_run
    from gzslbench.runs.controls import run_controls
    from gzslbench.runs.execute import Options
    from gzslbench.runs.plan import Request
    from gzslbench.runs.store import Store
    from gzslbench.testing.check import Outcome

    start = time.perf_counter()
    found = run_controls(Request(**task), Store(DEFAULT_RESULTS), Options(), watch_run)
    seconds = (time.perf_counter() - start) / len(found.judgements)
    return [
        Outcome(name, "skipped" if status == "undecided" else status, seconds, what)
        for name, (status, what) in found.judgements.items()
    ]


@click.command(epilog=DOCTOR_EPILOG)
@data_option
@results_option("The folder for the records of runs.")
@json_option()
def doctor(data: Path | None, results: Path, as_json: bool) -> None:
    """Check versions, device, plugins, trackers and folders."""
    from gzslbench.report.printing import make_console, print_line
    from gzslbench.report.terminal.checks import health_report
    from gzslbench.runs.doctor import examine

    print_line("checking versions, device, plugins and folders")
    health = examine(results, data)
    if as_json:
        print_json(health)
    else:
        make_console().print(health_report(health))
    if health["problems"]:
        raise SystemExit(1)
