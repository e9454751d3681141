"""gzslbench tune: search a method's parameters on validation classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gzslbench.cli.options import (
    OutputFile,
    address_option,
    check_parent_folder,
    executor_option,
    task_options,
    write_output,
)

EPILOG = """\b
Examples:
  gzslbench tune --method cnzsl --dataset AWA2 --write tuned.toml
  gzslbench tune --method ce-gzsl --dataset FLO --trials 50 --set epochs=200
  gzslbench tune --method cnzsl --dataset digits --search hidden=128..2048:log --no-test
  gzslbench tune --method f-clswgan --dataset CUB --workers 4 --executor ray --address auto
  gzslbench run --method cnzsl --dataset AWA2 --preset tuned.toml

A trial trains on part of trainval and is judged by H, at its last epoch, on the rest of it: on classes held
out as if they were unseen, and on rows of the others. No trial can see a test row. The first trial is the
preset.

The study is kept in a file. Stopped or killed, it goes on when the command is repeated. Several processes may
share it, each by the same command, or begun by --workers, here or on a cluster whose nodes see the file.
Where one dies, the others take up its trial.

Needs optuna: pip install 'gzslbench[tune]'.

Exit status: 0 done; 1 the chosen parameters diverged in the test; 2 something to mend; 130 stopped.
"""


@click.command(epilog=EPILOG)
@task_options
@click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="Fix a parameter of the method, which is then not searched; repeatable.",
)
@click.option(
    "--search",
    "searches",
    metavar="NAME=LOW..HIGH[:log|:STEP]",
    multiple=True,
    help="Search a parameter there, or among NAME=A,B,…; repeatable."
    " [default: as `gzslbench methods NAME` shows]",
)
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many the study shall have in all.",
)
@click.option(
    "--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Begin no trial after so many seconds."
)
@click.option("--epochs", type=click.IntRange(min=1), help="Short for --set epochs=N.")
@click.option(
    "--eval-every",
    type=click.IntRange(min=0),
    help="Evaluate a trial after each N epochs and at the end; 0: at the end only, so that none is pruned."
    " [default: a tenth of the preset's epochs]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Root seed of every trial, of the sampler and of the test.",
)
@click.option(
    "--study",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Keep the study there: a .journal, or a database (.db, .sqlite). [default: in RESULTS/studies]",
)
@click.option("--name", help="Of the study in its file. [default: METHOD-DATASET]")
@click.option(
    "--sampler",
    type=click.Choice(["tpe", "random"]),
    default="tpe",
    show_default=True,
    help="tpe: where good trials lie, after ten at random.",
)
@click.option(
    "--pruning/--no-pruning",
    default=True,
    show_default=True,
    help="End a trial that is below the median of the finished ones at the same epoch.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Trials at once, each in a process of its own, of one thread. [default: one, in this process]",
)
@executor_option
@address_option
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, or cuda:N.")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "tf32", "bf16"]),
    default="fp32",
    show_default=True,
    help="Of the matrix products in training.",
)
@click.option(
    "--write",
    type=OutputFile(".toml"),
    metavar="FILE.toml",
    help="Write the chosen parameters as a table that `gzslbench run --preset` takes.",
)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Where the record of the test is kept.",
)
@click.option(
    "--test/--no-test",
    default=True,
    show_default=True,
    help="Train with the chosen parameters on all of trainval, and test once.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, to standard output.")
def tune(
    searches: tuple[str, ...],
    trials: int,
    timeout: float | None,
    eval_every: int | None,
    seed: int,
    study: Path | None,
    name: str | None,
    sampler: str,
    pruning: bool,
    workers: int | None,
    executor: str,
    address: str | None,
    write: Path | None,
    results: Path,
    test: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Search a method's parameters by H on validation classes inside trainval, never on test."""
    from functools import partial

    from gzslbench.plugins.executor import Limits
    from gzslbench.report.terminal.progress import watch_run
    from gzslbench.runs.plan import Request
    from gzslbench.sweep.executors.factory import make_executor
    from gzslbench.sweep.tuning.tune import TuneRequest, open_tuning, search
    from gzslbench.sweep.tuning.workers import search_with

    if write is not None:
        check_parent_folder(write)
    request = TuneRequest(
        Request(**asked, seeds=(seed,)),
        eval_every,
        trials,
        timeout,
        searches,
        study,
        name,
        sampler,
        pruning,
        results,
    )
    watching = partial(watch_run, plain=as_json)
    say = partial(click.echo, err=True)
    here = workers is None and executor == "local" and address is None
    runner = None if here else make_executor(executor, Limits(workers or 1, address=address))
    tuning = open_tuning(request)
    if runner is None:
        search(tuning, watching, say)
    else:
        search_with(tuning, runner, workers or 1, say, ship_data=address is not None)
    if _conclude(tuning, watching, write, test, as_json):
        raise SystemExit(1)


def _conclude(tuning: Any, watching: Any, write: Path | None, test: bool, as_json: bool) -> bool:
    """Write the table, test, and report; whether the test diverged."""
    import json

    from gzslbench.report.terminal.printing import make_console
    from gzslbench.report.terminal.tuning import tuning_json, tuning_report
    from gzslbench.sweep.tuning.best_trial import find_best_trial, test_once

    result = tuning.result
    best = find_best_trial(tuning, result)
    if write is not None:
        write_output(write, best.table(tuning.objective.plan.spec.name))
    tested = test_once(tuning, best, watching) if test else None
    if as_json:
        click.echo(json.dumps(tuning_json(tuning, result, best, write, tested)))
    else:
        make_console().print(tuning_report(tuning, result, best, write, tested))
    return tested is not None and tested[0].status == "diverged"
