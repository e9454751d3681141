"""gzslbench new: create the files of a new method, in a checkout or as a plugin of its own."""

from __future__ import annotations

from pathlib import Path

import click

from gzslbench.cli.group import LazyGroup
from gzslbench.cli.new.scaffold import KINDS
from gzslbench.cli.options import FOLDER, combine, option

EPILOG = """\b
Examples:
  gzslbench new plugin my-method
  gzslbench new plugin my-method --kind closed-form --into ~/src
  gzslbench new method my-method --kind scoring

\b
A tutorial, from nothing to a method that passes its checks:
  docs/adding-a-method.md in the sources
"""
name_and_kind = combine(
    click.argument("name"),
    option(
        "--kind",
        "; ".join(f"{name}: {what}" for name, (_, what) in KINDS.items()) + ".",
        list(KINDS),
        default="generative",
    ),
)


@click.group(cls=LazyGroup, epilog=EPILOG)
def new() -> None:
    """Create the files of a new method.

    The method works at once and passes `gzslbench check`; replace its networks and losses by your own.
    """


@new.command()
@name_and_kind
@option("--into", "Where its folder is created.", FOLDER, default=".")
def plugin(name: str, kind: str, into: Path) -> None:
    """Create a package gzslbench-NAME with one method.

    It has the code, presets, tests, a workflow for continuous integration and a README.
    """
    from gzslbench.cli.new.scaffold import new_plugin

    written = new_plugin(name, kind, into)
    for path in written:
        click.echo(f"wrote {path}")
    click.echo(f"""next:
  cd {into / f"gzslbench-{name}"}
  pip install --editable .
  gzslbench check {name}
  gzslbench run --method {name} --dataset digits
then write your own networks and losses in src/, paper and url in __init__.py, and add a LICENSE""")


@new.command()
@name_and_kind
def method(name: str, kind: str) -> None:
    """Create a method in a checkout of gzslbench.

    Call it inside the checkout. It writes methods/NAME and its test, and changes no other file.
    """
    from gzslbench.cli.new.scaffold import new_method

    written = new_method(name, kind, Path())
    for path in written:
        click.echo(f"wrote {path}")
    click.echo(f"""next:
  gzslbench check {name}
  gzslbench run --method {name} --dataset digits
  pytest {written[-1]}
then write your own networks, losses and plain.py, and paper and url in __init__.py""")
