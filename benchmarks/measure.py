"""Run a suite and store its metrics: ``python -m gzslbench_benchmarks.measure flo-lite0 --results DIR``.

Runs that are finished in DIR are read, not run again; interrupted ones are resumed. What is stored, under
metrics/, is each run's metrics at the suite's fixed epoch and its way there, its wall time and peak memory
(on a CPU the most that the whole program took until then), with mean and standard deviation over the seeds,
and the tolerance within which a later mean should fall; ``--check`` stores nothing and says what moved.

Exit status: 0 all runs finished and nothing moved; 1 a run diverged, a mean moved or something is to mend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from gzslbench.errors import GzslBenchError, ParamError, StoreError
from gzslbench.execution.plan import make_plan
from gzslbench.execution.run import Options, run_cell
from gzslbench.reporting.progress import watch
from gzslbench.results.folder import RunFolder
from gzslbench.results.record import PERCENTAGES, Record
from gzslbench.results.store import Store
from gzslbench_benchmarks.claim import judged, table
from gzslbench_benchmarks.stored import compare, make_writable, read_stored, summarize, write_stored
from gzslbench_benchmarks.suite import Suite, SuiteRun, load_suite

METRICS = Path(__file__).parent / "metrics"


def run_suite(runs: Sequence[SuiteRun], store: Store) -> dict[str, list[dict[str, Any]]]:
    """Every run's numbers by the suite's names."""
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in runs:
        plan = make_plan(entry.request)
        for cell in plan.cells:
            with watch(cell) as progress:
                record, folder = run_cell(plan, cell, store, Options(resume=True), progress)
            found.setdefault(entry.name, []).append(_numbers(entry, record, folder))
    return found


def _numbers(entry: SuiteRun, record: Record, folder: RunFolder) -> dict[str, Any]:
    told = {
        "id": record.id,
        "status": record.status,
        "seed": record.cell["seed"],
        "task": record.task["id"],
        **{name: record.cell[name] for name in ("params", "head", "head_params")},
        "at": entry.at,
        "precision": record.cell["precision"],
        "gpu": record.cell["device"] == "cuda",
        "seconds": record.run["seconds_train"] + record.run["seconds_evaluate"],
        **{name: record.run[name] for name in ("seconds_train", "seconds_evaluate", "peak_memory_bytes")},
        "environment": {
            name: record.run[name] for name in ("gzslbench", "python", "torch", "device", "threads")
        },
    }
    if record.failure is not None:
        return {**told, "failure": record.failure}
    lines = [line for line in folder.metrics() if line["leg"] == "final" and "metrics" in line]
    trace = {line["epoch"]: _percentages(line["metrics"]) for line in lines}
    if entry.at is not None and entry.at not in trace:
        raise StoreError(
            f"no metrics of epoch {entry.at}", where=folder.metrics_file, fix="remove the run's folder"
        )
    return {
        **told,
        "metrics": _percentages(record.metrics["last"]) if entry.at is None else trace[entry.at],
        "H_by_epoch": [[epoch, metrics["H"]] for epoch, metrics in trace.items()],
        "by_rule": record.metrics,
    }


def _percentages(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {name: metrics[name] for name in PERCENTAGES}


def _tell(name: str, runs: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]) -> None:
    spreads = {metric: "" if s["std"] is None else f" ± {s['std']:.1f}" for metric, s in summary.items()}
    told = "  ".join(f"{metric} {s['mean']:.1f}{spreads[metric]}" for metric, s in summary.items())
    finished = [run for run in runs if "metrics" in run]
    click.echo(f"{name} ({len(finished)} of {len(runs)} seeds): {told}")
    for run in runs:
        if "failure" in run:
            click.echo(f"  seed {run['seed']} diverged: {run['failure']}")


@click.command()
@click.argument("name")
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), help="[default: metrics/NAME.json beside this program]"
)
@click.option(
    "--only",
    metavar="TEXT",
    multiple=True,
    help="Run what has TEXT in its name, and leave the rest as it is stored; repeatable.",
)
@click.option("--check", is_flag=True, help="Compare with the stored metrics instead of storing.")
def measure(name: str, results: Path, out: Path | None, only: tuple[str, ...], check: bool) -> None:
    """Run the suite NAME and store its metrics, or check them."""
    try:
        suite = load_suite(name)
        out = out or METRICS / f"{suite.name}.json"
        stored = read_stored(out) if check or (only and out.exists()) else {}
        if not check:
            make_writable(out)
        asked = _asked(suite, only)
        measured = run_suite(asked, Store(results))
        groups = {key: {"summary": summarize(value), "runs": value} for key, value in measured.items()}
        for key, group in groups.items():
            _tell(key, group["runs"], group["summary"])
        failed = any("failure" in run for group in groups.values() for run in group["runs"])
        if check:
            compared = {key: group for key, group in stored.items() if not only or key in groups}
            for moved, line in compare(compared, groups):
                failed |= moved
                click.echo(line)
        else:
            _store(suite, out, {**stored, **groups})
    except GzslBenchError as error:
        raise click.ClickException(str(error)) from error
    if failed:
        raise SystemExit(1)


def _asked(suite: Suite, only: Sequence[str]) -> list[SuiteRun]:
    asked = [run for run in suite.runs if not only or any(text in run.name for text in only)]
    if not asked:
        raise ParamError(
            f"no runs of {suite.name!r} have {' or '.join(map(repr, only))} in their name",
            where="--only",
            fix=f"the names are: {', '.join(dict.fromkeys(run.name for run in suite.runs))}",
        )
    return asked


def _store(suite: Suite, out: Path, groups: Mapping[str, Any]) -> None:
    """Store the groups that the suite has, in its order, and tell what they say of its claims."""
    names = dict.fromkeys(run.name for run in suite.runs)
    kept = {name: groups[name] for name in names if name in groups}
    verdicts = list(judged(suite.claims, {name: group["runs"] for name, group in kept.items()}))
    if verdicts:
        click.echo(table(verdicts))
    date = datetime.now(timezone.utc).date().isoformat()
    write_stored(out, {"suite": suite.name, "title": suite.title, "date": date, "runs": kept})
    click.echo(f"stored in {out}")


if __name__ == "__main__":
    measure()
