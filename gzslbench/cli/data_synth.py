"""gzslbench data synth: a folder of xlsa17's shape, without the archive."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click

from gzslbench.cli.options import data_option, json_option


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--like", required=True, help="The dataset whose shape it gets, for example AWA2.")
@click.option("--seed", default=0, show_default=True, help="Of all random numbers.")
@click.option("--scale", default=1.0, show_default=True, help="The share of each class's images to make.")
@click.option("--overwrite", is_flag=True, help="Replace a folder that this command wrote before.")
@data_option
@json_option()
def synth(
    folder: Path, like: str, seed: int, scale: float, overwrite: bool, data: Path | None, as_json: bool
) -> None:
    """Write a dataset folder to DIR with features that are made, not extracted.

    Split, semantics and class lists are the published ones where the data folder has them. Numbers reached
    on such a folder say nothing about the dataset it is shaped like.
    """
    from gzslbench.prepare.synthetic_folder import write_synthetic_folder

    written = write_synthetic_folder(like, folder, seed=seed, scale=scale, overwrite=overwrite, root=data)
    size = sum(path.stat().st_size for path in written.iterdir())
    if as_json:
        click.echo(json.dumps({"folder": str(written), "bytes": size}))
    else:
        click.echo(f"wrote {written} ({size / 2**20:.1f} MiB)")
        click.echo(f"try it: {shlex.join(['gzslbench', 'data', 'show', str(written)])}")
