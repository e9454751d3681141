"""Options that say who gets the work done, the same in every command."""

from __future__ import annotations

import click

executor = click.option(
    "--executor", default="local", show_default=True, help="local, ray, or another plugin's."
)
address = click.option("--address", help="Of the cluster, for --executor ray. [default: this machine]")
