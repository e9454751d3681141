"""gzslbench extractors: what turns photographs into features."""

from __future__ import annotations

import json
from dataclasses import replace

import click
from rich.console import RenderableType

from gzslbench.plugins.registry import plugins
from gzslbench.report.console import extractors as report
from gzslbench.report.console.console import console, key_values
from gzslbench.report.console.methods import table


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def extractors(name: str | None, as_json: bool) -> None:
    """List the feature extractors, or describe NAME: weights, and how it wants its photographs."""
    if name is None:
        every = plugins().extractors()
        content = {each.name: report.as_json(each) for each in every.values()}
        shown = {each.name: replace(each, name=each.pattern) for each in every.values()}
        view: RenderableType = table(shown, ("name", "title", "year", "width"))
    else:
        spec = plugins().extractor(name)
        content = report.as_json(spec)
        view = key_values(report.rows(spec))
    if as_json:
        click.echo(json.dumps(content, indent=2))
    else:
        console().print(view)
