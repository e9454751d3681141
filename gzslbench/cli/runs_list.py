"""gzslbench runs list: what there is."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from gzslbench.cli.options import only_options, results_argument, results_folders
from gzslbench.cli.stored_runs import stored_entries

EPILOG = """\b
Examples:
  gzslbench runs list
  gzslbench runs list results --method ce-gzsl --status diverged
  gzslbench runs list --json | jq .id
"""


@click.command(name="list", epilog=EPILOG)
@results_argument
@only_options
@click.option("--seed", "seeds", type=int, multiple=True, help="Only this seed; repeatable.")
@click.option("--status", type=click.Choice(["complete", "diverged"]), help="Only runs that ended so.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON a run.")
def list_(
    results: tuple[Path, ...],
    datasets: tuple[str, ...],
    methods: tuple[str, ...],
    seeds: tuple[int, ...],
    status: str | None,
    as_json: bool,
) -> None:
    """List the runs in RESULTS (folders; ./results by default), the newest last."""
    from gzslbench.report.leaderboard.tables import run_lines
    from gzslbench.runs.store import Store

    entries = [
        entry
        for entry in stored_entries(results, datasets, methods)
        if (not seeds or entry.seed in seeds) and status in (None, entry.summary.status)
    ]
    entries.sort(key=lambda entry: (entry.summary.run.get("started") or "", entry.summary.id))
    if as_json:
        for entry in entries:
            click.echo(json.dumps(asdict(entry.summary)))
        return
    click.echo("\n".join(run_lines(entries)))
    for root in results_folders(results):
        for folder in Store(root).unfinished():
            click.echo(f"unfinished: {folder.id} (still running, or interrupted: --resume continues it)")
