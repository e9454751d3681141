"""gzslbench new: begin a method of your own."""

from __future__ import annotations

import click

from gzslbench.cli.group import LazyGroup, Target
from gzslbench.cli.scaffold.templates import KINDS

TARGETS = {
    "plugin": Target("gzslbench.cli.new_plugin:plugin", "A distribution of its own, with one method."),
    "method": Target("gzslbench.cli.new_method:method", "A method in a checkout of gzslbench."),
}
EPILOG = """\b
A tutorial, from nothing to a method that passes its checks:
  docs/adding-a-method.md in the sources
"""


@click.group(cls=LazyGroup, targets=TARGETS, epilog=EPILOG)
def new() -> None:
    """Begin a method of your own: files that work at once, and that pass `gzslbench check`."""


kind_option = click.option(
    "--kind",
    type=click.Choice(list(KINDS)),
    default="generative",
    show_default=True,
    help="; ".join(f"{name}: {what}" for name, (_, what) in KINDS.items()) + ".",
)
