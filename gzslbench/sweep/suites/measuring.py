"""Running a suite, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from gzslbench.errors import StoreError
from gzslbench.runs.cell import Cell
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.plan import make_plan
from gzslbench.runs.progress import Progress
from gzslbench.runs.record import PERCENTAGES, Record
from gzslbench.runs.store import Store
from gzslbench.sweep.suites.stored import summarize
from gzslbench.sweep.suites.suite import SuiteRun

Watch = Callable[[Cell], AbstractContextManager[Progress]]


def measure(
    runs: Sequence[SuiteRun], store: Store, watch: Watch, tolerance: float | None = None
) -> dict[str, dict[str, Any]]:
    """Run ``runs``; by their names, the ``summary`` over their seeds and the ``runs`` themselves.

    What is finished in ``store`` is read, not run again; what is interrupted goes on. Kept of each run are
    its metrics at the suite's fixed epoch and its way there, wall time and peak memory (on a CPU the most
    that the whole program took until then). ``tolerance`` is the suite's, for the summaries.

    Raises:
        GzslBenchError: A run cannot be made, or was stopped. One that diverges is kept with its failure.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in runs:
        plan = make_plan(entry.request)
        for cell in plan.cells:
            with watch(cell) as progress:
                record, folder = run_cell(plan, cell, store, Options(resume=True), progress)
            found.setdefault(entry.name, []).append(_numbers(entry, record, folder))
    return {name: {"summary": summarize(each, tolerance), "runs": each} for name, each in found.items()}


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
        "metrics": _percentages(record.metrics[record.selection]) if entry.at is None else trace[entry.at],
        "H_by_epoch": [[epoch, metrics["H"]] for epoch, metrics in trace.items()],
        "by_rule": record.metrics,
    }


def _percentages(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {name: metrics[name] for name in PERCENTAGES}
