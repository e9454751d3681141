"""gzslbench extractors: what turns photographs into features."""

from __future__ import annotations

import json
from dataclasses import replace

import click
from rich.console import RenderableType

from gzslbench.plugins.registry import plugins
from gzslbench.report.terminal.plugins import extractor_description, extractor_json, plugins_table
from gzslbench.report.terminal.printing import make_console


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def extractors(name: str | None, as_json: bool) -> None:
    """List the feature extractors, or describe NAME: weights, and how it wants its photographs."""
    if name is None:
        every = plugins().extractors()
        content = {each.name: extractor_json(each) for each in every.values()}
        shown = {each.name: replace(each, name=each.pattern) for each in every.values()}
        view: RenderableType = plugins_table(shown, ("name", "title", "year", "width"))
    else:
        spec = plugins().extractor(name)
        content = extractor_json(spec)
        view = extractor_description(spec)
    if as_json:
        click.echo(json.dumps(content, indent=2))
    else:
        make_console().print(view)
