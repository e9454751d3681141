"""The option that both commands of `gzslbench new` take."""

from __future__ import annotations

import click

from gzslbench.cli.scaffold.templates import KINDS

kind = click.option(
    "--kind",
    type=click.Choice(list(KINDS)),
    default="generative",
    show_default=True,
    help="; ".join(f"{name}: {what}" for name, (_, what) in KINDS.items()) + ".",
)
