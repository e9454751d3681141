"""Arguments and options that name a dataset, the same in every command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

dataset = click.argument("dataset")
features = click.option("--features", help="The feature file without its ending, for example res101.")
semantics = click.option("--semantics", help="The semantics, for example att or sent.")
data = click.option("--data", type=click.Path(path_type=Path), help="The folder that holds the datasets.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")


method = click.option("--method", required=True, help="A name from `gzslbench methods`.")
dataset_of_run = click.option(
    "--dataset", required=True, help="A name from `gzslbench datasets`, a folder, or an imported .h5 file."
)


def which_task(command: F) -> F:
    """Add --method, --dataset, --features, --semantics and --data."""
    for option in (data, semantics, features, dataset_of_run, method):
        command = option(command)
    return command


def which_dataset(command: F) -> F:
    """Add DATASET, --features, --semantics, --data and --json."""
    for option in (as_json, data, semantics, features, dataset):
        command = option(command)
    return command
