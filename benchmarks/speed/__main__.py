"""Time this toolkit against the published formulation: ``python -m gzslbench_benchmarks.speed [CASE]...``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gzslbench.cli.group import INTERRUPTED, UserError
from gzslbench.cli.options import OutputFile
from gzslbench.errors import GzslBenchError, ParamError, did_you_mean
from gzslbench_benchmarks.speed.cases import CASES

if TYPE_CHECKING:
    from gzslbench_benchmarks.speed.conditions import Conditions
    from gzslbench_benchmarks.speed.measurement import Measurement

ROUNDS, QUICK_ROUNDS = 5, 2
EPILOG = """\b
Examples:
  python -m gzslbench_benchmarks.speed --quick
  python -m gzslbench_benchmarks.speed iteration --only CUB --out cub.json
  python -m gzslbench_benchmarks.speed evaluation f-clswgan --threads 2

The contestants of a setting are timed in turn, round after round; the table gives the median of the rounds
and its ratio to ours. All cases take an hour or more on two cores; leave the machine otherwise idle.
Ctrl-C stops and keeps what has been measured.

Exit status: 0 all measured; 2 an error to fix; 130 interrupted.
"""


@click.command(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("cases", nargs=-1, metavar="[CASE]...")
@click.option("--list", "listing", is_flag=True, help="List the cases, and measure nothing.")
@click.option("--only", metavar="TEXT", help="Only settings whose name contains TEXT, in any case.")
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    help=f"How often each contestant is timed; slow ones twice at most, a training once. [default: {ROUNDS}]",
)
@click.option("--quick", is_flag=True, help="Tiny shapes: tries the programs out, measures nothing.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, or cuda:N.")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "tf32", "bf16"]),
    default="fp32",
    show_default=True,
    help="Of the matrix products in training, of every contestant.",
)
@click.option(
    "--clock",
    type=click.Choice(["wall", "cpu"]),
    default="wall",
    show_default=True,
    help="cpu: the time that this process computes, for a machine that does other work; with one thread.",
)
@click.option("--threads", type=click.IntRange(min=1), help="Threads on the CPU. [default: torch's choice]")
@click.option("--out", type=OutputFile(".json", new_folder=True), help="Write what was measured as JSON.")
def speed(
    cases: tuple[str, ...],
    listing: bool,
    only: str | None,
    rounds: int | None,
    quick: bool,
    device: str,
    precision: str,
    clock: str,
    threads: int | None,
    out: Path | None,
) -> None:
    """Time this toolkit against the published formulation, written plainly.

    Each CASE compares programs that do the same work. Without a CASE, all cases run. See --list.
    """
    if listing:
        width = max(map(len, CASES))
        for name, case in CASES.items():
            click.echo(f"{name:{width}}  {case.title}")
        return
    try:
        _check_names(cases)
        rounds = rounds or (QUICK_ROUNDS if quick else ROUNDS)
        conditions = replace(_conditions(device, precision, rounds, quick), clock=clock)
        if clock == "cpu":
            _check_cpu_clock(cases or tuple(CASES), conditions, threads)
        interrupted = _measure_all(cases or tuple(CASES), only, conditions, threads, out)
    except GzslBenchError as error:
        raise UserError(str(error)) from error
    if interrupted:
        click.echo("stopped", err=True)
        raise SystemExit(INTERRUPTED)


def _check_names(cases: tuple[str, ...]) -> None:
    for name in cases:
        if name not in CASES:
            raise ParamError(f"no case {name!r}", fix=did_you_mean(name, list(CASES)))


def _check_cpu_clock(cases: tuple[str, ...], conditions: Conditions, threads: int | None) -> None:
    fix = "use --clock wall"
    if conditions.on_cuda or threads != 1:
        fix = "use --device cpu --threads 1, or --clock wall"
        raise ParamError("the time of the process is that of one thread on a CPU", where="--clock", fix=fix)
    for name in cases:
        if not CASES[name].computes:
            raise ParamError(f"case {name!r} reads files or starts processes", where="--clock", fix=fix)


def _conditions(device: str, precision: str, rounds: int, quick: bool) -> Conditions:
    from gzslbench.computing.device import check_precision, resolve_device
    from gzslbench_benchmarks.speed.conditions import Conditions

    resolved = resolve_device(device)
    check_precision(precision, resolved)
    return Conditions(resolved, precision, rounds, quick)


def _measure_all(
    cases: tuple[str, ...], only: str | None, conditions: Conditions, threads: int | None, out: Path | None
) -> bool:
    """Measure, print and write the results; return whether the user stopped it."""
    import torch

    from gzslbench.report.printing import make_console
    from gzslbench.sweeps.suites.baseline import make_writable
    from gzslbench_benchmarks.commit import commit_of
    from gzslbench_benchmarks.speed.measurement import Measurement, write_measured
    from gzslbench_benchmarks.speed.table import report

    if out is not None:
        make_writable(out)
    if threads is not None:
        torch.set_num_threads(threads)
    commit = commit_of(Path(__file__))  # before --out may change a tracked file
    measured: list[dict[str, Any]] = []
    names: list[str] = []
    interrupted = False
    for name in dict.fromkeys(cases):
        measurement = Measurement(name, CASES[name].title, conditions, torch.get_num_threads(), commit)
        try:
            names += _measure(measurement, only, lambda line: click.echo(line, err=True))
        except KeyboardInterrupt:
            interrupted = True
        finally:
            if measurement.rows:
                measured.append(measurement.as_dict())
                make_console().print(report(measured[-1]), "")
            if out is not None and measured:
                write_measured(out, measured)
        if interrupted:
            return True
    if not names:
        raise ParamError(
            f"nothing to measure on {conditions.device}: {', '.join(cases)}",
            fix="use --device cuda, or --quick",
        )
    if not measured:
        raise ParamError(
            f"no setting contains {only!r}", where="--only", fix=f"the settings are: {'; '.join(names)}"
        )
    return False


def _measure(measurement: Measurement, only: str | None, tell: Callable[[str], None]) -> list[str]:
    """Measure one case; return the names of its settings."""
    from gzslbench.computing.instrumentation import collect_backends
    from gzslbench_benchmarks.speed.contest import contest

    names = []
    with collect_backends() as measurement.computed:
        for setting in CASES[measurement.case].settings(measurement.conditions):
            names.append(setting.name)
            if only is None or only.lower() in setting.name.lower():
                contest(setting, measurement.conditions, measurement.rows, tell)
    measurement.complete = only is None
    return names


if __name__ == "__main__":
    speed()
