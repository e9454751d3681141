"""Options and arguments that several commands take, each defined once.

A name such as `data_option` is a click decorator for one option; `task_options` and the like add several. Use
them below `@click.command()`, in the order in which `--help` shall list them. Nothing heavy is imported here,
so that `--help` stays fast. The main command makes every `--help` show default values.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click

from gzslbench.errors import StoreError

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]

# Copies of constants of gzslbench.runs, whose import would slow down --help; tests/cli compares them.
DEFAULT_RESULTS = Path("results")
RULES = ("last", "val", "test-peek", "test-peek-inner", "test-peek-outer")
METRICS = ("U", "S", "H", "T1", "AUSUC")

POSITIVE = click.IntRange(min=1)
NOT_NEGATIVE = click.IntRange(min=0)
PATH = click.Path(path_type=Path)
FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
EXISTING_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
EXISTING_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def combine(*decorators: Decorator[Any]) -> Decorator[Any]:
    """Return one decorator that adds these options, in this order."""

    def add(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return add


def take_fields(request: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Remove the options that have the names of fields of the dataclass `request`, and return them."""
    return {field.name: options.pop(field.name) for field in fields(request) if field.name in options}


# The task: a dataset with its features, semantics and split.
method_option = click.option("--method", required=True, help="A name from `gzslbench methods`.")
dataset_option = click.option(
    "--dataset", required=True, help="A name from `gzslbench datasets`, a folder, or an imported .h5 file."
)
dataset_argument = click.argument("dataset")
features_option = click.option(
    "--features", help="The feature file without its ending, for example res101. [default: the dataset's own]"
)
semantics_option = click.option(
    "--semantics", help="The semantics, for example att or sent. [default: the dataset's own]"
)
data_option = click.option(
    "--data",
    type=PATH,
    help="The folder that holds the datasets. [default: $GZSLBENCH_DATA, else ./data]",
)
task_options = combine(method_option, dataset_option, features_option, semantics_option, data_option)


# How a run is computed.
def settings_option(help: str) -> Decorator[Any]:
    """Return the option `--set`."""
    return click.option("--set", "settings", metavar="NAME=VALUE", multiple=True, help=help)


epochs_option = click.option(
    "--epochs", type=POSITIVE, help="The number of epochs; short for --set epochs=N."
)
device_option = click.option(
    "--device", default="auto", help="auto, cpu, cuda, or cuda:N for the GPU number N."
)
precision_option = click.option(
    "--precision",
    type=click.Choice(["fp32", "tf32", "bf16"]),
    default="fp32",
    help="The precision of the matrix products.",
)
checkpoint_every_option = click.option(
    "--checkpoint-every",
    type=NOT_NEGATIVE,
    default=10,
    help="Epochs between two checkpoints; 0 writes them only on interruption and at the end.",
)
executor_options = combine(
    click.option(
        "--executor",
        default="local",
        help="What starts the processes: local, ray, or the name of a plugin's executor.",
    ),
    click.option("--address", help="The address of the cluster, for --executor ray. [default: this machine]"),
)


# Stored runs.
def results_option(help: str = "The folder of the stored runs.") -> Decorator[Any]:
    """Return the option `--results`, one folder of runs."""
    return click.option("--results", type=PATH, default=DEFAULT_RESULTS, help=help)


number_options = combine(
    click.option(
        "--select",
        "rule",
        type=click.Choice(RULES),
        default="last",
        help="The rule that chose the epoch. last: the last epoch. val: chosen on validation classes. The"
        " test-peek rules choose on the test set; use them only to compare with papers that did so.",
    ),
    click.option(
        "--metric",
        type=click.Choice(METRICS),
        default="H",
        help="The metric that is compared, in percent.",
    ),
)


# Output.
def json_option(help: str = "Print JSON and nothing else.") -> Decorator[Any]:
    """Return the flag `--json`; the command receives it as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=help)


_CHOOSE_ANOTHER = "name a file in an existing folder that can be written"


class OutputFile(click.Path):
    """The path of a file to write. It must end in `suffix`, so that a typing error overwrites no notes."""

    def __init__(self, suffix: str) -> None:
        super().__init__(dir_okay=False)
        self.suffix = suffix

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path, or fail with a usage error."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.suffix.lower() != self.suffix:
            self.fail(f"{path} does not end in {self.suffix}; it must.", param, ctx)
        return path


def check_parent_folder(path: Path) -> None:
    """Check that the folder of `path` exists, before hours of work whose result shall go there."""
    if not path.absolute().parent.is_dir():
        raise StoreError("the folder of the output file does not exist", where=path, fix=_CHOOSE_ANOTHER)


def write_output(path: Path, text: str) -> None:
    """Write `text` atomically and report the path on standard error."""
    from gzslbench.files import write_atomically

    try:
        write_atomically(path, text)
    except StoreError as error:
        raise StoreError(error.what, where=error.where, fix=_CHOOSE_ANOTHER) from error
    click.echo(f"wrote {path}", err=True)
