"""gzslbench new plugin: a distribution with one method."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gzslbench.cli.new import kind_option


@click.command()
@click.argument("name")
@kind_option
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), default=".", help="Where its folder is made."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plugin(name: str, kind: str, into: Path, as_json: bool) -> None:
    """Write a distribution gzslbench-NAME: package, presets, tests, workflow and README."""
    from gzslbench.cli.scaffold.new import new_plugin

    written = new_plugin(name, kind, into)
    if as_json:
        click.echo(json.dumps({"written": [str(path) for path in written]}))
        return
    click.echo("".join(f"wrote {path}\n" for path in written), nl=False)
    click.echo(f"""next:
  cd {written[0].parent}
  pip install --editable .
  gzslbench check {name}
  gzslbench run --method {name} --dataset digits
then your own networks and losses in src/, paper and url in __init__.py, and a LICENSE""")
