"""Options and arguments that several commands take, each defined once; nothing heavy is imported here."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, fields
from functools import partial, reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from gzslbench.cli import completion

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]

# Copies of constants of gzslbench.runs, whose import would slow down --help; tests/cli compares them.
DEFAULT_RESULTS = Path("results")
RULES = (
    *("last-calibrated", "val-calibrated", "last", "val"),
    *("test-peek", "test-peek-inner", "test-peek-outer", "test-peek-gamma"),
)
METRICS = ("U", "S", "H", "T1", "AUSUC")
CONTROLS = ("shuffled", "oracle", "chance")

POSITIVE, NOT_NEGATIVE = click.IntRange(min=1), click.IntRange(min=0)
POSITIVE.name = NOT_NEGATIVE.name = "integer"  # --help and messages do not say "integer range"
_JSON_OUTPUT = f"{__name__}.output"
PATH = click.Path(path_type=Path)
FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
EXISTING_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
EXISTING_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def combine(*decorators: Decorator[Any]) -> Decorator[Any]:
    """Return one decorator that adds these options, in this order."""
    return lambda command: reduce(lambda decorated, add: add(decorated), reversed(decorators), command)


def take_fields(request: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Remove the options that have the names of fields of the dataclass `request`, and return them."""
    return {field.name: options.pop(field.name) for field in fields(request) if field.name in options}


def option(
    name: str, help: str, type: Any = None, *, to: str | None = None, **settings: Any
) -> Decorator[Any]:
    """Return an option; a sequence as `type` lists its choices, and `to` is the name of its parameter."""
    kind = click.Choice(type) if isinstance(type, Sequence) else type
    return click.option(*filter(None, [name, to]), type=kind, help=help, **settings)


def flag(name: str, help: str, to: str | None = None) -> Decorator[Any]:
    """Return an option without a value, which is off by default."""
    return click.option(*filter(None, [name, to]), is_flag=True, help=help)


# The task: a dataset with its features, semantics and split.
method_option = option(
    "--method", "A name from `gzslbench methods`.", required=True, shell_complete=completion.methods
)
dataset_option = option(
    "--dataset",
    "A name from `gzslbench datasets`, a folder, or an imported .h5 file.",
    required=True,
    shell_complete=completion.datasets,
)
dataset_argument = click.argument("dataset", shell_complete=completion.datasets)
run_argument = click.argument("run", shell_complete=completion.runs)
suite_argument = partial(click.argument, "suite", shell_complete=completion.suites)
features_option = option(
    "--features",
    "The feature file without its ending, for example res101. [default: the dataset's own]",
    shell_complete=completion.features,
)
semantics_option = option(
    "--semantics",
    "The semantics, for example att or sent; sent-unit scales those of each class to length 1."
    " [default: the dataset's own]",
    shell_complete=completion.semantics,
)
data_option = option(
    "--data", "The folder that holds the datasets. [default: $GZSLBENCH_DATA, else ./data]", PATH
)
task_options = combine(method_option, dataset_option, features_option, semantics_option, data_option)


# How a run is computed.
def settings_option(help: str, name: str = "--set", to: str = "settings") -> Decorator[Any]:
    """Return the option `--set`, or `--head-set`, which take assignments."""
    complete = completion.settings_of("head" if name == "--head-set" else "method")
    return option(name, help, to=to, metavar="NAME=VALUE", multiple=True, shell_complete=complete)


photographs_options = combine(
    option("--dataset", "A name from `gzslbench datasets`.", required=True),
    option("--images", "The folder with the images.", EXISTING_FOLDER, required=True),
    option(
        "--extractor",
        "NAME, or NAME:MODEL, from `gzslbench extractors`.",
        required=True,
        shell_complete=completion.extractors,
    ),
)
workers_option = option(
    "--workers",
    "Processes that decode images while the network computes; 0 decodes in this process.",
    NOT_NEGATIVE,
    default=0,
)
epochs_option = option("--epochs", "The number of epochs; short for --set epochs=N.", POSITIVE)
device_option = option("--device", "auto, cpu, cuda, or cuda:N for the GPU number N.", default="auto")
precision_option = option(
    "--precision", "The precision of the matrix products.", ["fp32", "tf32", "bf16"], default="fp32"
)
checkpoint_every_option = option(
    "--checkpoint-every",
    "Epochs between two checkpoints; 0 writes them only on interruption and at the end.",
    NOT_NEGATIVE,
    default=10,
)
executor_options = combine(
    option(
        "--executor",
        "What starts the processes: local, ray, or the name of a plugin's executor.",
        default="local",
    ),
    option("--address", "The address of the cluster, for --executor ray. [default: this machine]"),
)


# Stored runs.
def results_option(help: str = "The folder of the stored runs.") -> Decorator[Any]:
    """Return the option `--results`, one folder of runs."""
    return option("--results", help, PATH, default=DEFAULT_RESULTS)


select_option = option(
    "--select",
    "The rule that chose the epoch. last: the last epoch. val: chosen on validation classes. -calibrated:"
    " after calibrated stacking. The test-peek rules choose on the test set; use them only to compare with"
    " papers that did so. [default: last, or val if the runs have only that]",
    RULES,
    to="rule",
)


# Output.
def json_option(help: str = "Print JSON and nothing else.") -> Decorator[Any]:
    """Return the flag `--json`; the command receives it as `as_json` and prints with `print_json`."""
    return click.option("--json", "as_json", is_flag=True, help=help, callback=_print_only_json)


def _print_only_json(ctx: click.Context, param: click.Parameter, as_json: bool) -> bool:
    """Send all but JSON to standard error: plugins and libraries may print too."""
    if as_json and not ctx.resilient_parsing:
        ctx.meta[_JSON_OUTPUT] = sys.stdout
        ctx.with_resource(redirect_stdout(sys.stderr))
    return as_json


def print_json(content: Any, indent: int | None = 2) -> None:
    """Print a value as JSON; a dataclass in it becomes an object."""
    text = json.dumps(content, indent=indent, default=asdict)
    click.echo(text, file=click.get_current_context().meta.get(_JSON_OUTPUT))


def _read_seeds(ctx: click.Context, param: click.Parameter, texts: Sequence[str]) -> tuple[int, ...]:
    """Return the seeds in texts with one seed or several, separated by commas; each seed once."""
    parts: list[Any] = [part.strip() for text in texts for part in text.split(",")]
    return tuple(dict.fromkeys(NOT_NEGATIVE.convert(part, param, ctx) for part in parts))


seeds_option = option(
    "--seed",
    "The seed of all random numbers. With several, as in --seed 1,2,3, there is a run for each. [default: 0]",
    str,
    to="seeds",
    metavar="N[,N...]",
    multiple=True,
    callback=_read_seeds,
)


class MethodCommand(click.Command):
    """A command that knows the parameters of methods: instead of `--lr 0.1` it proposes `--set lr=0.1`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; name --set if an unknown option may be a parameter of the method."""
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            similar = set(error.possibilities or ()) - {"--help"}
            advice = _name_parameters(error.option_name, words, bool(similar))
            if advice:
                raise click.UsageError(f"No such option: {error.option_name}. {advice}", ctx) from error
            raise


def _name_parameters(option_name: str, words: Sequence[str], is_similar: bool) -> str:
    """Return what --set can do instead of an unknown option; empty if it ``is_similar`` to others."""
    from gzslbench.plugins.params import fields_of
    from gzslbench.plugins.registry import plugins

    following = dict(zip(words, [*words[1:], ""], strict=True))
    method = following.get("--method", "")
    name = option_name.lstrip("-").replace("-", "_")
    if method not in plugins().methods():
        return ""
    known = [field.name for field in fields_of(plugins().method(method).params)]
    if name in known:
        value = following.get(option_name) or "VALUE"
        return f"{name} is a parameter of the method: --set {name}={value}"
    return "" if is_similar else f"{method} has parameters for --set NAME=VALUE: {', '.join(known)}"


class OutputFile(click.Path):
    """The path of a file to write. It must end in `suffix`, so that a typing error overwrites no notes."""

    def __init__(self, suffix: str, new_folder: bool = False) -> None:
        super().__init__(dir_okay=False)
        self.suffix = suffix
        self.new_folder = new_folder

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return what `--help` shows for the value."""
        return f"FILE{self.suffix}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path, or fail with a usage error."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.suffix.lower() != self.suffix:
            self.fail(f"{path} must end in {self.suffix}", param, ctx)
        # This is found out before hours of work whose result shall go there.
        if not self.new_folder and not path.absolute().parent.is_dir():
            self.fail(f"the folder of {path} does not exist; name a file in an existing folder.", param, ctx)
        return path


def write_output(path: Path, text: str) -> None:
    """Write `text` atomically and report the path on standard error."""
    from gzslbench.files import write_atomically

    write_atomically(path, text, elsewhere="name a file in an existing folder that can be written")
    click.echo(f"wrote {path}", err=True)
