"""gzslbench doctor: check whether runs can work on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gzslbench.cli.options import data_option, json_option, results_option

EPILOG = """\b
Examples:
  gzslbench doctor
  gzslbench doctor --data ~/xlsa17/data --json

Exit status: 0 no problem; 1 a plugin or a method's code cannot be imported, or the data folder or the results
folder cannot be used.
"""


@click.command(epilog=EPILOG)
@data_option
@results_option("The folder for the records of runs.")
@json_option()
def doctor(data: Path | None, results: Path, as_json: bool) -> None:
    """Check versions, device, plugins, trackers and folders."""
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
