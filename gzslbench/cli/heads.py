"""gzslbench heads: which heads there are besides softmax, and what they take."""

from __future__ import annotations

import json

import click
from rich.console import RenderableType

from gzslbench.plugins.registry import plugins
from gzslbench.report.terminal.plugins import plugins_table, spec_description, spec_fields, spec_json
from gzslbench.report.terminal.printing import make_console


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def heads(name: str | None, as_json: bool) -> None:
    """List what `run --head` takes besides softmax, or describe NAME: parameters and settings."""
    if name is None:
        every = plugins().heads()
        content = {each.name: spec_fields(each) for each in every.values()}
        view: RenderableType = plugins_table(every, ("name", "title", "year", "setting"))
    else:
        spec = plugins().head(name)
        content, view = spec_json(spec), spec_description(spec)
    if as_json:
        click.echo(json.dumps(content, indent=2))
    else:
        make_console().print(view)
