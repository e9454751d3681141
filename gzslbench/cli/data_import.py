"""gzslbench data import: MATLAB files to HDF5."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gzslbench.cli.options import data_option, dataset_argument, features_option, json_option


@click.command(name="import")
@dataset_argument
@features_option
@data_option
@click.option("--out", type=click.Path(path_type=Path), help="The file to write. [default: beside the .mat]")
@json_option()
def import_(dataset: str, features: str | None, data: Path | None, out: Path | None, as_json: bool) -> None:
    """Write DATASET as one HDF5 file, with every semantics of its folder.

    Beside the .mat it is found by itself from then on; elsewhere it is named by its path.
    """
    from gzslbench.prepare.importing import import_dataset

    written = import_dataset(dataset, features, out, data)
    if as_json:
        click.echo(json.dumps({"file": str(written), "bytes": written.stat().st_size}))
    else:
        click.echo(f"wrote {written} ({written.stat().st_size / 2**20:.1f} MiB)")
