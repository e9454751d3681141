"""gzslbench tune: search a method's parameters on validation classes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gzslbench.cli import options as opt
from gzslbench.cli.options import FILE, NOT_NEGATIVE, POSITIVE, OutputFile, option

if TYPE_CHECKING:
    from gzslbench.sweeps.tuning.best_trial import BestTrial

EPILOG = """\b
Examples:
  gzslbench tune --method cnzsl --dataset AWA2 --write tuned.toml
  gzslbench tune --method ce-gzsl --dataset FLO --trials 50 --set epochs=200
  gzslbench tune --method cnzsl --dataset digits --search hidden=128..2048:log
  gzslbench tune --method f-clswgan --dataset CUB --workers 4 --executor ray
  gzslbench run --method cnzsl --dataset AWA2 --preset tuned.toml

A trial trains on part of trainval. Its score is H (or T1) at its last epoch on the rest: some classes are
treated as unseen, and some rows of the other classes are not trained on. No trial sees a test row. The first
trial is the preset.

The study is stored in a file. If it is stopped or killed, the same command continues it. Several processes
may run its trials: start the same command several times, or give --workers, here or on a cluster whose nodes
see the file. If a process dies, the others continue its trial.

Needs optuna: pip install 'gzslbench[tune]'.
"""


@click.command(epilog=EPILOG)
@opt.task_options
@opt.settings_option("Fix a parameter of the method, which is then not searched; repeatable.")
@option(
    "--search",
    "Search a parameter in this range, or among NAME=A,B,…; repeatable. Other parameters are searched in"
    " the ranges that `gzslbench methods NAME` shows, unless --set fixes them.",
    to="searches",
    metavar="NAME=LOW..HIGH[:log|:STEP]",
    multiple=True,
)
@option(
    "--metric",
    "The score of a trial on the validation classes. The sources of ESZSL, SAE, ALE, DeViSE and SJE use T1,"
    " which does not depend on a method's bias towards seen classes.",
    ["H", "T1"],
    default="H",
)
@option("--trials", "The number of trials of the study in total.", POSITIVE, default=20)
@option("--timeout", "Start no trial after this time.", click.FloatRange(min=0), metavar="SECONDS")
@opt.epochs_option
@option(
    "--eval-every",
    "Epochs between two evaluations of a trial; 0 evaluates at the end only and prunes no trial."
    " [default: a tenth of the preset's epochs]",
    NOT_NEGATIVE,
)
@option("--seed", "The seed of every trial, of the sampler and of the test.", NOT_NEGATIVE, default=0)
@option(
    "--study",
    "Store the study there: a .journal, or a database (.db, .sqlite). [default: in RESULTS/studies]",
    FILE,
)
@option("--name", "The name of the study in its file. [default: METHOD-DATASET]")
@option(
    "--sampler", "tpe searches near good trials, after ten random ones.", ["tpe", "random"], default="tpe"
)
@option(
    "--pruning/--no-pruning",
    "End a trial that is below the median of the finished ones at the same epoch.",
    default=True,
)
@option(
    "--workers",
    "The number of trials at the same time, each in its own process with one thread. [default: one, in"
    " this process]",
    POSITIVE,
)
@opt.executor_options
@opt.device_option
@opt.precision_option
@option(
    "--write",
    "Write the best parameters as a table that `gzslbench run --preset` takes.",
    OutputFile(".toml"),
)
@opt.results_option("The folder where the record of the test is stored.")
@option("--test/--no-test", "Train with the best parameters on all of trainval, and test once.", default=True)
@opt.json_option()
def tune(write: Path | None, test: bool, as_json: bool, seed: int, **options: Any) -> None:
    """Search a method's parameters by H or T1 on validation classes inside trainval, never on test."""
    from gzslbench.report.printing import make_console, print_line
    from gzslbench.report.terminal.progress import watch_run
    from gzslbench.runs.plan import Request
    from gzslbench.sweeps.tuning.tune import TuneRequest, require_optuna

    require_optuna()
    from gzslbench.report.terminal.tuning import tuning_json, tuning_report
    from gzslbench.sweeps.tuning.best_trial import run_tune  # imports optuna

    def write_table(best: BestTrial) -> None:
        if write is not None:
            opt.write_output(write, best.table(method))

    method, watch = options["method"], partial(watch_run, plain=as_json)
    processes = {name: options.pop(name) for name in ("executor", "workers", "address")}
    study = opt.take_fields(TuneRequest, options)
    request = TuneRequest(Request(**options, seeds=(seed,)), **study)
    done = run_tune(request, watch, print_line, test=test, on_best=write_table, **processes)
    if as_json:
        opt.print_json(tuning_json(done, write), indent=None)
    else:
        make_console().print(tuning_report(done, write))
    if done.test is not None and done.test[0].status == "diverged":
        raise SystemExit(1)
