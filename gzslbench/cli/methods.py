"""gzslbench methods: which methods there are, and what they take."""

from __future__ import annotations

import json

import click
from rich.console import RenderableType

from gzslbench.plugins.registry import plugins
from gzslbench.report.published import published_of
from gzslbench.report.terminal.plugins import plugins_table, spec_description, spec_fields, spec_json
from gzslbench.report.terminal.printing import make_console


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def methods(name: str | None, as_json: bool) -> None:
    """List the methods, or describe NAME: parameters, settings for each dataset, published numbers."""
    if name is None:
        every = plugins().methods()
        content = {each.name: spec_fields(each) for each in every.values()}
        view: RenderableType = plugins_table(every, ("name", "title", "year", "kind", "setting"))
    else:
        spec = plugins().method(name)
        numbers = published_of(spec.name, plugins().published())
        content, view = spec_json(spec, numbers), spec_description(spec, numbers)
    if as_json:
        click.echo(json.dumps(content, indent=2))
    else:
        make_console().print(view)
