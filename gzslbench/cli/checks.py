"""gzslbench check and doctor: check a plugin, and check the machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.options import data_option, flag, json_option, option, results_option

if TYPE_CHECKING:
    from gzslbench.testing.check import Outcome

CHECK_EPILOG = """\b
Examples:
  gzslbench check my-method
  gzslbench check my-method --fast
  gzslbench check --all --kind dataset

The same checks can run in your tests, see gzslbench.testing.
"""
DOCTOR_EPILOG = """\b
Examples:
  gzslbench doctor
  gzslbench doctor --data ~/xlsa17/data --json
"""


@click.command(epilog=CHECK_EPILOG)
@click.argument("name", required=False)
@flag("--all", "Check all methods, heads, datasets and extractors.", to="check_all")
@option(
    "--kind",
    "method, head, dataset or extractor: if several plugins are called NAME, or with --all.",
)
@flag("--fast", "Skip the checks that train for a long time.")
@json_option()
def check(name: str | None, check_all: bool, kind: str | None, fast: bool, as_json: bool) -> None:
    """Check that a plugin keeps its contract.

    NAME is a method, head, dataset or extractor. Each failed check says what to change.
    """
    from gzslbench.report.printing import make_console
    from gzslbench.report.terminal.checks import checks_summary, checks_table
    from gzslbench.testing.check import run_check
    from gzslbench.testing.suites import all_specs, checks_of, find_spec

    if check_all == (name is not None):
        raise click.UsageError("Give the name of one plugin, or --all.")
    found: dict[str, list[Outcome]] = {}
    for kind_of_spec, spec in all_specs(kind) if name is None else [find_spec(name, kind)]:
        title = f"{kind_of_spec} {spec.name}"
        found[title] = [run_check(check) for check in checks_of(spec, fast=fast)]
        if not as_json:
            make_console().print(checks_table(title, found[title]))
    if as_json:
        content = {title: [asdict(outcome) for outcome in outcomes] for title, outcomes in found.items()}
        click.echo(json.dumps(content, indent=2))
    else:
        make_console().print(checks_summary(found))
    if any(outcome.status == "failed" for outcomes in found.values() for outcome in outcomes):
        raise SystemExit(1)


@click.command(epilog=DOCTOR_EPILOG)
@data_option
@results_option("The folder for the records of runs.")
@json_option()
def doctor(data: Path | None, results: Path, as_json: bool) -> None:
    """Check versions, device, plugins, trackers and folders."""
    from gzslbench.report.printing import make_console
    from gzslbench.report.terminal.checks import health_report
    from gzslbench.runs.doctor import examine

    health = examine(results, data)
    if as_json:
        click.echo(json.dumps(health, indent=2))
    else:
        make_console().print(health_report(health))
    if health["problems"]:
        raise SystemExit(1)
