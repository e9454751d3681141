"""gzslbench doctor: whether runs can work here."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gzslbench.runs.store import DEFAULT_ROOT


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="The folder that holds the datasets.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=DEFAULT_ROOT,
    show_default=True,
    help="Where records are kept.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(data: Path | None, results: Path, as_json: bool) -> None:
    """Check versions, device, plugins, trackers, data and the results folder.

    Exit status: 0 all well; 1 a plugin is broken, a method's code cannot be imported, the data root may not
    be read, or the results folder takes no files.
    """
    from gzslbench.report.terminal.checks import health_report
    from gzslbench.report.terminal.printing import make_console
    from gzslbench.runs.doctor import examine

    health = examine(results, data)
    if as_json:
        click.echo(json.dumps(health, indent=2))
    else:
        make_console().print(health_report(health))
    if health["problems"]:
        raise SystemExit(1)
