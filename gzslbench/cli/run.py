"""gzslbench run: train a method on a dataset, test it and store its record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gzslbench.cli import completion
from gzslbench.cli import options as opt
from gzslbench.cli.options import CONTROLS, FILE, NOT_NEGATIVE, flag, option
from gzslbench.data.preprocessing import PREPROCESSINGS

EPILOG = """\b
Examples:
  gzslbench run --method ce-gzsl --dataset digits
  gzslbench run --method ce-gzsl --dataset AWA2 --seed 1 --seed 2 --seed 3
  gzslbench run --method ce-gzsl --dataset CUB --semantics sent --set lr=1e-4
  gzslbench run --method f-clswgan --dataset FLO --features res101 --select val
  gzslbench run --method ce-gzsl --dataset digits --track tensorboard
  gzslbench run --method f-clswgan --dataset FLO --preset tuned.toml

A finished run is not run again; its record is printed. An interrupted run continues with --resume.
"""


@click.command(epilog=EPILOG, cls=opt.MethodCommand)
@opt.task_options
@opt.seeds_option
@option(
    "--preset",
    "Take the settings from this file of `gzslbench tune --write`. [default: the method's own]",
    FILE,
)
@opt.settings_option("Set a parameter of the method; repeatable. `gzslbench methods NAME` lists them.")
@option(
    "--head",
    "The classifier of a generative method, a name from `gzslbench heads`. [default: softmax]",
    shell_complete=completion.heads,
)
@opt.settings_option(
    "Set a parameter of the head; see `gzslbench heads NAME`.", "--head-set", "head_settings"
)
@opt.epochs_option
@option(
    "--eval-every", "Epochs between two evaluations; 0 evaluates only at the end.", NOT_NEGATIVE, default=10
)
@option(
    "--eval-repeats",
    "Evaluate the final model N times, each with new random numbers for synthesis and head, and report the"
    " mean and the spread. Methods that score classes themselves are evaluated once.",
    opt.POSITIVE,
    metavar="N",
    default=1,
)
@option(
    "--select",
    "How the number of epochs is chosen. last: that of the preset. val: the best one on a class-wise"
    " validation split inside trainval; then the method is trained again on all of trainval and tested once.",
    ["last", "val"],
    default="last",
)
@option(
    "--calibrate",
    "Lower the scores of seen classes by a constant that is chosen on validation classes (calibrated"
    " stacking), and report both numbers. With --select last it takes one more training for each list of"
    " validation classes.",
    ["none", "val"],
    default="none",
)
@option(
    "--validation-features",
    "The features for trainings on validation classes, of a network that was not fine-tuned on these classes:"
    " see `gzslbench finetune --for-validation`. [default: --features]",
    shell_complete=completion.features,
)
@option("--preprocessing", "How features are scaled. [default: the method's own]", PREPROCESSINGS)
@option(
    "--control",
    "A control experiment, which is in no ranking. shuffled: every class gets the semantics of another one."
    " oracle: the head is trained on real rows of the unseen classes, half of test_unseen,"
    " and tested on the other half. chance: random predictions. `gzslbench controls` runs and judges all.",
    CONTROLS,
)
@option(
    "--shuffle-semantics",
    "The seed of --control shuffled; it selects this control. [default: 1]",
    NOT_NEGATIVE,
    metavar="SEED",
)
@opt.device_option
@opt.precision_option
@flag("--deterministic", "Use only deterministic algorithms (slower on CUDA).")
@opt.results_option("The folder where the record is stored.")
@flag("--resume", "Continue an interrupted run from its checkpoint.")
@flag("--rerun", "Start finished or interrupted runs again from the beginning.")
@opt.checkpoint_every_option
@option("--graphs/--no-graphs", "On CUDA, replay captured steps: faster, same numbers.", default=True)
@flag(
    "--profile",
    "Trace the last iterations before the first evaluation, and that evaluation. Print where the time"
    " went and store trace.json.gz with the run. The shares are approximate: tracing slows small operators.",
    to="profiled",
)
@option(
    "--track",
    "Send metrics to a tracker during the run: tensorboard, mlflow, wandb or a plugin's; repeatable."
    " The trackers in $GZSLBENCH_TRACK (names separated by commas) get them too.",
    metavar="NAME",
    multiple=True,
)
@opt.json_option("Print each record as one line of JSON and nothing else.")
@flag("--dry-run", "Print the resolved settings and the task id; train nothing.")
def run(results: Path, profiled: bool, as_json: bool, dry_run: bool, **options: Any) -> None:
    """Train a method on a dataset, test it and store its record."""
    from gzslbench.report.printing import make_console, print_line
    from gzslbench.report.terminal.progress import watch_run
    from gzslbench.report.terminal.run import cell_states, print_plan, print_profile, run_summary, seeds_table
    from gzslbench.runs.execute import Options, run_cell
    from gzslbench.runs.plan import Request, make_plan
    from gzslbench.runs.profile import Profile
    from gzslbench.runs.store import Store
    from gzslbench.runs.tracking import resolve_trackers

    how = Options(**opt.take_fields(Options, options))
    if how.resume and how.rerun:
        raise click.UsageError("--resume continues a run and --rerun starts it again: give only one of them")
    resolve_trackers(how.track)
    print_line(f"reading {options['dataset']}")
    plan = make_plan(Request(**options))
    if dry_run and as_json:
        states = cell_states(plan, results)
        for cell in plan.cells:
            opt.print_json({"id": cell.id, "state": states[cell.id], **cell.as_dict()}, indent=None)
        return
    if dry_run:
        print_plan(plan, results)
        return
    records, store = [], Store(results)
    for cell in plan.cells:
        if not how.rerun and store.run(cell.id).has_ended():
            print_line(f"run {cell.id} is stored and not run again; --rerun repeats it")
        profile = Profile(plan.device) if profiled else None
        with watch_run(cell, plain=as_json) as progress:
            record, folder = run_cell(plan, cell, store, replace(how, profile=profile), progress)
        records.append(record)
        if as_json:
            opt.print_json(record.as_dict(), indent=None)
        else:
            make_console().print(run_summary(record, folder))
        if profile is not None:
            print_profile(profile, record, quiet=as_json)
    if len(records) > 1 and not as_json:
        make_console().print(seeds_table(records))
    if any(record.status == "diverged" for record in records):
        raise SystemExit(1)
