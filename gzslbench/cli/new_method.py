"""gzslbench new method: a method in a checkout."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gzslbench.cli.new import kind_option


@click.command()
@click.argument("name")
@kind_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def method(name: str, kind: str, as_json: bool) -> None:
    """Write methods/NAME and its test to the checkout that you are in, and list it in setup.cfg."""
    from gzslbench.cli.scaffold.new import new_method

    *written, setup = new_method(name, kind, Path())
    if as_json:
        click.echo(json.dumps({"written": [str(path) for path in written], "changed": [str(setup)]}))
        return
    click.echo("".join(f"wrote {path}\n" for path in written), nl=False)
    click.echo(f"""changed {setup}
next:
  pip install --no-deps --editable {setup.parent}
  gzslbench check {name}
  gzslbench run --method {name} --dataset digits
  pytest {next(path for path in written if path.name.startswith("test_"))}
then your own networks and losses, and paper and url in __init__.py""")
