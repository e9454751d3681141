"""gzslbench heads: which heads there are besides softmax, and what they take."""

from __future__ import annotations

import json

import click
from rich.console import RenderableType

from gzslbench.plugins.registry import plugins
from gzslbench.report.console import methods as report
from gzslbench.report.console.console import console


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def heads(name: str | None, as_json: bool) -> None:
    """List what `run --head` takes besides softmax, or describe NAME: parameters and settings."""
    if name is None:
        every = plugins().heads()
        content = {each.name: report.about(each) for each in every.values()}
        view: RenderableType = report.table(every, ("name", "title", "year", "setting"))
    else:
        spec = plugins().head(name)
        content, view = report.head_as_json(spec), report.head_description(spec)
    if as_json:
        click.echo(json.dumps(content, indent=2))
    else:
        console().print(view)
