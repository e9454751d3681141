"""Run a suite and store its metrics: ``python -m gzslbench_benchmarks.measure flo-lite0 --results DIR``.

Runs that are finished in DIR are read, not run again; interrupted ones are resumed. What is stored, under
metrics/, is each run's metrics at the suite's fixed epoch and its way there, with mean and standard
deviation over the seeds, and the tolerance within which a later run should fall.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from gzslbench.errors import GzslBenchError
from gzslbench.execution.plan import make_plan
from gzslbench.execution.run import Options, run_cell
from gzslbench.reporting.progress import watch
from gzslbench.results.folder import RunFolder
from gzslbench.results.record import PERCENTAGES, Record
from gzslbench.results.store import Store
from gzslbench_benchmarks.suite import Suite, SuiteRun, load_suite

METRICS = Path(__file__).parent / "metrics"
TOLERANCE_SPREADS = 3.0
"""Standard deviations over seeds that a later run may differ by, and at least TOLERANCE_FLOOR points."""
TOLERANCE_FLOOR = 3.0


def run_suite(suite: Suite, store: Store) -> dict[str, list[dict[str, Any]]]:
    """Every run's numbers by the suite's names."""
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in suite.runs:
        plan = make_plan(entry.request)
        for cell in plan.cells:
            with watch(cell) as progress:
                record, folder = run_cell(plan, cell, store, Options(resume=True), progress)
            found.setdefault(entry.name, []).append(_numbers(entry, record, folder))
    return found


def summarize(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean, standard deviation and tolerance of each metric over the seeds, in points of percent."""
    summary = {}
    for name in PERCENTAGES:
        values = [run["metrics"][name] for run in runs]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        tolerance = max(TOLERANCE_FLOOR, TOLERANCE_SPREADS * spread)
        summary[name] = {"mean": statistics.fmean(values), "std": spread, "tolerance": tolerance}
    return summary


def _numbers(entry: SuiteRun, record: Record, folder: RunFolder) -> dict[str, Any]:
    lines = [line for line in folder.metrics() if line["leg"] == "final" and "metrics" in line]
    trace = {line["epoch"]: {name: line["metrics"][name] for name in PERCENTAGES} for line in lines}
    return {
        "id": record.id,
        "seed": record.cell["seed"],
        "task": record.task["id"],
        "params": record.cell["params"],
        "at": entry.at,
        "metrics": trace[entry.at],
        "H_by_epoch": [[epoch, metrics["H"]] for epoch, metrics in trace.items()],
        "last": record.metrics["last"],
        "published_pick": record.metrics["test-peek"],
        "seconds": record.run["seconds"],
        "environment": {
            name: record.run[name] for name in ("gzslbench", "python", "torch", "device", "threads")
        },
    }


@click.command()
@click.argument("name")
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), help="[default: metrics/NAME.json beside this program]"
)
def measure(name: str, results: Path, out: Path | None) -> None:
    """Run the suite NAME and store its metrics."""
    try:
        suite = load_suite(name)
        runs = run_suite(suite, Store(results))
    except GzslBenchError as error:
        raise click.ClickException(str(error)) from error
    stored = {
        "suite": suite.name,
        "title": suite.title,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "runs": {key: {"summary": summarize(value), "runs": value} for key, value in runs.items()},
    }
    out = out or METRICS / f"{suite.name}.json"
    out.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    for key, value in stored["runs"].items():
        told = "  ".join(f"{m} {s['mean']:.1f} ± {s['std']:.1f}" for m, s in value["summary"].items())
        click.echo(f"{key} ({len(value['runs'])} seeds): {told}")
    click.echo(f"stored in {out}")


if __name__ == "__main__":
    measure()
