"""gzslbench controls: judge a method by three control experiments."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from gzslbench.cli import completion
from gzslbench.cli import options as opt
from gzslbench.cli.run import run

EPILOG = """\b
Examples:
  gzslbench controls eszsl --dataset synthetic
  gzslbench controls f-clswgan --dataset FLO --seed 1 --seed 2 --epochs 20

Finished runs in the results folder are read, not run again.
"""


@click.command(epilog=EPILOG)
@click.argument("method", shell_complete=completion.methods)
@opt.json_option()
def controls(results: Path, as_json: bool, **options: Any) -> None:
    """Run METHOD and three controls, and judge it by them.

    With shuffled semantics, U and T1 must be at chance. The method must be above that, and not above the
    oracle, a head on real rows of the unseen classes. Permutation tests over classes judge the differences.
    """
    from gzslbench.report.printing import make_console
    from gzslbench.report.tables import to_console
    from gzslbench.report.terminal.checks import controls_table
    from gzslbench.report.terminal.progress import watch_run
    from gzslbench.runs.controls import run_controls
    from gzslbench.runs.execute import Options
    from gzslbench.runs.plan import Request
    from gzslbench.runs.store import Store

    how = Options(**opt.take_fields(Options, options))
    request = Request(**options)
    found = run_controls(request, Store(results), how, partial(watch_run, plain=as_json))
    if as_json:
        opt.print_json({"status": found.status, **vars(found)})
    else:
        make_console().print(to_console(controls_table(request.method, found)))
    if found.status == "failed":
        raise SystemExit(1)


_NOT_OF_RUN = ("method", "control", "shuffle_semantics", "profiled", "as_json", "dry_run")
controls.params += [param for param in run.params if param.name not in _NOT_OF_RUN]
