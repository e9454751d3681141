"""gzslbench run: train a method on a dataset and keep its record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gzslbench.cli.options import task_options
from gzslbench.data.preprocessing import PREPROCESSINGS

EPILOG = """\b
Examples:
  gzslbench run --method ce-gzsl --dataset digits
  gzslbench run --method ce-gzsl --dataset AWA2 --seed 1 --seed 2 --seed 3
  gzslbench run --method ce-gzsl --dataset CUB --semantics sent --set syn_num=300
  gzslbench run --method f-clswgan --dataset FLO --features efficientnet_lite0 --select val
  gzslbench run --method ce-gzsl --dataset digits --track tensorboard
  gzslbench run --method f-clswgan --dataset FLO --preset tuned.toml

Datasets are looked for under --data, else under the folder in the environment variable GZSLBENCH_DATA,
else under ./data. A run that is finished is not run again; an interrupted one goes on with --resume.

Exit status: 0 all runs complete; 1 a run diverged; 2 something to mend; 130 interrupted.
"""


@click.command(epilog=EPILOG)
@task_options
@click.option(
    "--seed",
    "seeds",
    type=click.IntRange(min=0),
    multiple=True,
    help="Root seed; repeat it for several runs. [default: 0]",
)
@click.option(
    "--preset",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Take the dataset's settings from FILE, as `gzslbench tune --write` leaves it."
    " [default: the method's own]",
)
@click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="Change a parameter of the method; repeatable.",
)
@click.option(
    "--head",
    help="What classifies for a generative method: a name from `gzslbench heads`. [default: softmax]",
)
@click.option(
    "--head-set",
    "head_settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="Change a parameter of the head; repeatable.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Short for --set epochs=N.")
@click.option(
    "--eval-every",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Evaluate after each N epochs and at the end; 0: at the end only. Does not change training.",
)
@click.option(
    "--select",
    type=click.Choice(["last", "val"]),
    default="last",
    show_default=True,
    help="last: the preset's number of epochs. val: the number chosen on a class-wise validation split"
    " inside trainval, then trained again on all of it and tested once.",
)
@click.option(
    "--preprocessing",
    type=click.Choice(PREPROCESSINGS),
    help="How features are scaled, fitted on seen training rows. [default: the method's own]",
)
@click.option(
    "--shuffle-semantics",
    type=click.IntRange(min=0),
    metavar="SEED",
    help="Control experiment: permute the semantics over the classes; U must fall to chance.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, or cuda:N.")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "tf32", "bf16"]),
    default="fp32",
    show_default=True,
    help="Of the matrix products in training.",
)
@click.option("--deterministic", is_flag=True, help="Allow deterministic algorithms alone (slower on CUDA).")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Where records are kept.",
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint of an interrupted run.")
@click.option("--rerun", is_flag=True, help="Run from the beginning what is finished or interrupted.")
@click.option(
    "--checkpoint-every",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Epochs between checkpoints; 0: on interruption and at the end only.",
)
@click.option(
    "--graphs/--no-graphs",
    default=True,
    show_default=True,
    help="On CUDA, replay each step as a captured graph; changes no number.",
)
@click.option(
    "--profile",
    "profiled",
    is_flag=True,
    help="Trace the last iterations before the first evaluation, and that evaluation: print where the time"
    " went, and leave trace.json.gz in the run's folder. Shares are approximate, for tracing makes small"
    " operators look slower than they are.",
)
@click.option(
    "--track",
    metavar="NAME",
    multiple=True,
    help="Tell a tracker of the run as it happens: tensorboard, mlflow, wandb, or a plugin's; repeatable."
    " Those in the environment variable GZSLBENCH_TRACK (names with commas between) are told too.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print each record as one line of JSON, and nothing else, to standard output.",
)
@click.option(
    "--dry-run", is_flag=True, help="Print the resolved configuration and the task id; train nothing."
)
def run(
    results: Path,
    resume: bool,
    rerun: bool,
    checkpoint_every: int,
    graphs: bool,
    profiled: bool,
    track: tuple[str, ...],
    as_json: bool,
    dry_run: bool,
    **request: Any,
) -> None:
    """Train a method on a dataset, evaluate it, and keep its record."""
    from gzslbench.runs.execute import Options
    from gzslbench.runs.plan import Request, make_plan
    from gzslbench.runs.tracking import asked

    if resume and rerun:
        raise click.UsageError("--resume goes on with a run and --rerun begins it anew: give one of them")
    asked(track)
    plan = make_plan(Request(**request))
    if dry_run:
        from gzslbench.report.terminal.run import print_plan

        print_plan(plan, results, as_json=as_json)
        return
    options = Options(resume, rerun, checkpoint_every, graphs=graphs, track=track)
    if _run_all(plan, results, options, profiled, as_json):
        raise SystemExit(1)


def _run_all(plan: Any, results: Path, options: Any, profiled: bool, as_json: bool) -> bool:
    """Run every cell; whether one diverged."""
    from dataclasses import replace

    from gzslbench.report.terminal.profile import print_profile
    from gzslbench.report.terminal.progress import watch_run
    from gzslbench.runs.execute import run_cell
    from gzslbench.runs.profile import Profile
    from gzslbench.runs.store import Store

    diverged = False
    for cell in plan.cells:
        profile = Profile(plan.device) if profiled else None
        with watch_run(cell, plain=as_json) as progress:
            record, folder = run_cell(plan, cell, Store(results), replace(options, profile=profile), progress)
        diverged |= record.status == "diverged"
        _print(record, folder, as_json)
        if profile is not None:
            print_profile(profile, record, quiet=as_json)
    return diverged


def _print(record: Any, folder: Any, as_json: bool) -> None:
    import json

    from gzslbench.report.terminal.run import print_run

    if as_json:
        click.echo(json.dumps(record.as_dict()))
    else:
        print_run(record, folder)
