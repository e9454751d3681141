"""gzslbench run: train a method on a dataset, test it and store its record."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gzslbench.cli.options import (
    FILE,
    NOT_NEGATIVE,
    checkpoint_every_option,
    device_option,
    epochs_option,
    json_option,
    precision_option,
    results_option,
    settings_option,
    take_fields,
    task_options,
)
from gzslbench.data.preprocessing import PREPROCESSINGS

EPILOG = """\b
Examples:
  gzslbench run --method ce-gzsl --dataset digits
  gzslbench run --method ce-gzsl --dataset AWA2 --seed 1 --seed 2 --seed 3
  gzslbench run --method ce-gzsl --dataset CUB --semantics sent --set syn_num=300
  gzslbench run --method f-clswgan --dataset FLO --features resnet101 --select val
  gzslbench run --method ce-gzsl --dataset digits --track tensorboard
  gzslbench run --method f-clswgan --dataset FLO --preset tuned.toml

A finished run is not run again; its record is printed. An interrupted run continues with --resume.

Exit status: 0 all runs complete; 1 a run diverged; 2 an error that you can fix; 130 interrupted.
"""


@click.command(epilog=EPILOG)
@task_options
@click.option(
    "--seed",
    "seeds",
    type=NOT_NEGATIVE,
    multiple=True,
    help="The root seed; repeatable, for one run per seed. [default: 0]",
)
@click.option(
    "--preset",
    type=FILE,
    metavar="FILE",
    help="Take the settings of the dataset from this file, which `gzslbench tune --write` wrote."
    " [default: the method's own]",
)
@settings_option("Set a parameter of the method; repeatable. `gzslbench methods NAME` lists them.")
@click.option(
    "--head",
    help="The classifier of a generative method, a name from `gzslbench heads`. [default: softmax]",
)
@click.option(
    "--head-set",
    "head_settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="Set a parameter of the head; repeatable. `gzslbench heads NAME` lists them.",
)
@epochs_option
@click.option(
    "--eval-every",
    type=NOT_NEGATIVE,
    default=10,
    help="Epochs between two evaluations; 0 evaluates only at the end. Does not change the training.",
)
@click.option(
    "--select",
    type=click.Choice(["last", "val"]),
    default="last",
    help="How the number of epochs is chosen. last: that of the preset. val: the best one on a class-wise"
    " validation split inside trainval; then the method is trained again on all of trainval and tested once.",
)
@click.option(
    "--preprocessing",
    type=click.Choice(PREPROCESSINGS),
    help="How features are scaled, fitted on the seen training rows. [default: the method's own]",
)
@click.option(
    "--shuffle-semantics",
    type=NOT_NEGATIVE,
    metavar="SEED",
    help="Control experiment: permute the semantics over the classes. U should fall to chance.",
)
@device_option
@precision_option
@click.option("--deterministic", is_flag=True, help="Use only deterministic algorithms (slower on CUDA).")
@results_option("The folder where the record is stored.")
@click.option("--resume", is_flag=True, help="Continue an interrupted run from its checkpoint.")
@click.option("--rerun", is_flag=True, help="Start finished or interrupted runs again from the beginning.")
@checkpoint_every_option
@click.option(
    "--graphs/--no-graphs",
    default=True,
    help="On CUDA, replay each step as a captured graph: faster, with the same numbers.",
)
@click.option(
    "--profile",
    "profiled",
    is_flag=True,
    help="Trace the last iterations before the first evaluation, and that evaluation. Print where the time"
    " went and store trace.json.gz with the run. The shares are approximate: tracing slows small operators.",
)
@click.option(
    "--track",
    metavar="NAME",
    multiple=True,
    help="Send metrics to a tracker during the run: tensorboard, mlflow, wandb or a plugin's; repeatable."
    " The trackers in $GZSLBENCH_TRACK (names separated by commas) get them too.",
)
@json_option("Print each record as one line of JSON and nothing else.")
@click.option("--dry-run", is_flag=True, help="Print the resolved settings and the task id; train nothing.")
def run(results: Path, profiled: bool, as_json: bool, dry_run: bool, **options: Any) -> None:
    """Train a method on a dataset, test it and store its record."""
    from gzslbench.report.terminal.printing import make_console
    from gzslbench.report.terminal.profile import print_profile
    from gzslbench.report.terminal.progress import watch_run
    from gzslbench.report.terminal.run import print_plan, run_summary
    from gzslbench.runs.execute import Options, run_cell
    from gzslbench.runs.plan import Request, make_plan
    from gzslbench.runs.profile import Profile
    from gzslbench.runs.store import Store
    from gzslbench.runs.tracking import resolve_trackers

    how = Options(**take_fields(Options, options))
    if how.resume and how.rerun:
        raise click.UsageError("--resume continues a run and --rerun starts it again: give only one of them")
    resolve_trackers(how.track)
    plan = make_plan(Request(**options))
    if dry_run:
        print_plan(plan, results, as_json=as_json)
        return
    diverged = False
    for cell in plan.cells:
        profile = Profile(plan.device) if profiled else None
        with watch_run(cell, plain=as_json) as progress:
            record, folder = run_cell(plan, cell, Store(results), replace(how, profile=profile), progress)
        diverged |= record.status == "diverged"
        if as_json:
            click.echo(json.dumps(record.as_dict()))
        else:
            make_console().print(run_summary(record, folder))
        if profile is not None:
            print_profile(profile, record, quiet=as_json)
    if diverged:
        raise SystemExit(1)
