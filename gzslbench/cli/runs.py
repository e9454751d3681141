"""gzslbench runs: list, verify, export, import and remove stored runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click

from gzslbench.cli.group import LazyGroup
from gzslbench.cli.options import PATH, OutputFile, flag, json_option, option, results_option
from gzslbench.cli.stored_runs import RunFilter, results_folders, run_filter
from gzslbench.errors import StoreError

LIST_EPILOG = """\b
Examples:
  gzslbench runs list
  gzslbench runs list results --method ce-gzsl --status diverged
  gzslbench runs list --json | jq .id
"""
VERIFY_EPILOG = """\b
Examples:
  gzslbench runs verify
  gzslbench runs verify other-lab/results
"""
EXPORT_EPILOG = """\b
Examples:
  gzslbench runs export --out all.zip
  gzslbench runs export ce-gzsl-AWA2 f-clswgan-AWA2 --out awa2.zip
"""
IMPORT_EPILOG = """\b
Examples:
  gzslbench runs import awa2.zip
  gzslbench runs import other-lab/results --results results
"""
REMOVE_EPILOG = """\b
Examples:
  gzslbench runs remove ce-gzsl-digits-s1-0123456789
  gzslbench runs remove ce-gzsl-digits --yes
"""


@click.group(cls=LazyGroup)
def runs() -> None:
    """List, verify, export, import or remove stored runs."""


@runs.command(name="list", epilog=LIST_EPILOG)
@run_filter
@option("--status", "Only runs with this status. [default: all]", ["complete", "diverged"])
@json_option("Print one line of JSON per run and nothing else.")
def list_(runs: RunFilter, status: str | None, as_json: bool) -> None:
    """List stored runs, the newest last.

    RESULTS are folders of runs; ./results by default.
    """
    from gzslbench.report.leaderboard.tables import run_lines
    from gzslbench.runs.store import Store

    entries = [entry for entry in runs.read()[0] if status in (None, entry.summary.status)]
    entries.sort(key=lambda entry: (entry.summary.run.started or "", entry.summary.id))
    if as_json:
        for entry in entries:
            click.echo(json.dumps(entry.summary.as_dict()))
        return
    click.echo("\n".join(run_lines(entries)))
    for root in runs.results:
        for folder in Store(root).unfinished():
            click.echo(f"unfinished: {folder.id} (still running, or interrupted: --resume continues it)")


@runs.command(epilog=VERIFY_EPILOG)
@results_folders
def verify(results: tuple[Path, ...]) -> None:
    """Check that records, ids and predictions agree.

    RESULTS are folders of runs; ./results by default. A run is consistent if its id follows from its
    settings, H is the harmonic mean of U and S, and the metrics follow from the stored predictions. So this
    finds numbers that were edited by hand.
    """
    from gzslbench.runs.store import Store
    from gzslbench.runs.verify import find_problems

    checked = inconsistent = 0
    for folder in (folder for root in results for folder in Store(root).runs()):
        problems = find_problems(folder)
        checked, inconsistent = checked + 1, inconsistent + bool(problems)
        for problem in problems:
            click.echo(f"{folder.path}: {problem}")
    click.echo(f"{checked} runs checked, {inconsistent} inconsistent")
    if inconsistent:
        raise SystemExit(1)


@runs.command(epilog=EXPORT_EPILOG)
@click.argument("runs", nargs=-1)
@option("--out", "The .zip file to write.", OutputFile(".zip"), required=True)
@results_option()
def export(runs: tuple[str, ...], out: Path, results: Path) -> None:
    """Write runs into one archive, for `gzslbench runs import`.

    RUNS are ids or beginnings of ids; all runs by default. Records, predictions, metrics and logs are
    exported, checkpoints are not.
    """
    from gzslbench.runs.bundle import write_bundle
    from gzslbench.runs.store import Store

    store = Store(results)
    folders = [store.find(run) for run in runs] if runs else store.runs()
    unfinished = [folder.id for folder in folders if not folder.has_ended()]
    if unfinished:
        fix = "finish it with `gzslbench run --resume`, or name other runs"
        raise StoreError(f"run {unfinished[0]} has not ended", where=results, fix=fix)
    if not folders:
        raise StoreError("there are no runs", where=results, fix="name the folder with --results")
    write_bundle(out, folders)
    click.echo(f"wrote {len(folders)} runs to {out} ({out.stat().st_size / 2**20:.1f} MiB)")


@runs.command(name="import", epilog=IMPORT_EPILOG)
@click.argument("source", type=PATH)
@results_option("The folder that the runs are stored in.")
def import_(source: Path, results: Path) -> None:
    """Store runs from an archive or a folder.

    SOURCE is a .zip file that `gzslbench runs export` wrote, or a folder of runs. Each run is checked as by
    `gzslbench runs verify`. An inconsistent run is refused and named; the others are stored. A run that is
    stored already is kept as it is.
    """
    from gzslbench.runs.bundle import import_runs
    from gzslbench.runs.store import Store

    received = import_runs(source, Store(results))
    for run, problems in received.refused.items():
        for problem in problems:
            click.echo(f"refused {run}: {problem}")
    counts = len(received.taken), len(received.there), len(received.refused)
    click.echo("{} stored, {} stored already, {} refused".format(*counts))
    if received.refused:
        raise SystemExit(1)


@runs.command(epilog=REMOVE_EPILOG)
@click.argument("runs", nargs=-1, required=True)
@results_option()
@flag("--yes", "Remove without asking.")
def remove(runs: tuple[str, ...], results: Path, yes: bool) -> None:
    """Remove runs with all their files, after asking.

    RUNS are ids, or beginnings of ids that only one run has. A run that a process is working on is kept.
    """
    from gzslbench.files import writing
    from gzslbench.runs.store import Store

    store = Store(results)
    folders = [store.find(run) for run in runs]
    for folder in folders:
        click.echo(folder.path)
    if not yes:
        click.confirm(f"remove {'these runs' if len(folders) > 1 else 'this run'} for good?", abort=True)
    for folder in folders:
        with folder.lock(), writing(folder.path, "the run cannot be removed"):
            shutil.rmtree(folder.path)
    click.echo(f"runs removed: {len(folders)}")
