"""gzslbench check: whether a plugin keeps its contract."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gzslbench.testing.outcome import Outcome


@click.command()
@click.argument("name", required=False)
@click.option(
    "--all", "every", is_flag=True, help="Check every method, head, dataset and extractor there is."
)
@click.option(
    "--kind", help="method, head, dataset or extractor: where NAME is several, or with --all for one kind."
)
@click.option("--fast", is_flag=True, help="Leave out the checks that train for long.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(name: str | None, every: bool, kind: str | None, fast: bool, as_json: bool) -> None:
    """Check that the method, head, dataset, extractor or executor NAME keeps its contract.

    The same checks are there for tests, see gzslbench.testing. Exit status: 0 none failed; 1 one failed.
    """
    from gzslbench.report.terminal.checks import checks_summary, checks_table
    from gzslbench.report.terminal.printing import make_console
    from gzslbench.testing.outcome import outcome_of
    from gzslbench.testing.suites import checks_of, every_spec, named

    if every == (name is not None):
        raise click.UsageError("Name one plugin, or say --all.")
    chosen = every_spec(kind) if name is None else [named(name, kind)]
    found: dict[str, list[Outcome]] = {}
    for of_kind, spec in chosen:
        title = f"{of_kind} {spec.name}"
        found[title] = [outcome_of(each) for each in checks_of(spec, fast=fast)]
        if not as_json:
            make_console().print(checks_table(title, found[title]))
    if as_json:
        told = {title: [asdict(each) for each in outcomes] for title, outcomes in found.items()}
        click.echo(json.dumps(told, indent=2))
    else:
        make_console().print(checks_summary(found))
    if any(each.status == "failed" for outcomes in found.values() for each in outcomes):
        raise SystemExit(1)
