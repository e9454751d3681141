"""Run a suite for its numbers, and compare them with the stored ones: ``gzslbench regress``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from gzslbench.errors import ParamError, StoreError
from gzslbench.runs.cell import Cell
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.plan import make_plan
from gzslbench.runs.progress import Progress
from gzslbench.runs.record import PERCENTAGES, Record
from gzslbench.runs.store import DEFAULT_ROOT, Store
from gzslbench.sweeps.suites.baseline import (
    Change,
    baseline_file,
    compare,
    make_writable,
    read_baseline,
    summarize,
    write_baseline,
)
from gzslbench.sweeps.suites.suite import Suite, SuiteRun

Watch = Callable[[Cell], AbstractContextManager[Progress]]
"""Shows the progress of a cell until the context ends."""


def measure(
    runs: Sequence[SuiteRun], store: Store, watch: Watch, tolerance: float | None = None
) -> dict[str, dict[str, Any]]:
    """Run ``runs``, and return for each name the ``summary`` over its seeds and the ``runs`` themselves.

    Runs that are finished in ``store`` are read, interrupted ones continue. A run that diverges is returned
    with its failure. ``tolerance`` is the suite's, in points of percent, for the summaries.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in runs:
        plan = make_plan(entry.request)
        for cell in plan.cells:
            with watch(cell) as progress:
                record, folder = run_cell(plan, cell, store, Options(resume=True), progress)
            found.setdefault(entry.name, []).append(_numbers(entry, record, folder))
    return {name: {"summary": summarize(done, tolerance), "runs": done} for name, done in found.items()}


@dataclass(frozen=True)
class RegressResult:
    """What ``measure`` returned, and how it differs from the stored metrics in ``file``."""

    measured: Mapping[str, Any]
    changes: Sequence[Change]
    file: Path

    @property
    def diverged(self) -> bool:
        """Whether a run diverged."""
        return any("failure" in run for group in self.measured.values() for run in group["runs"])

    @property
    def alarming(self) -> bool:
        """Whether a change needs attention."""
        return any(change.alarming for change in self.changes)


def run_regress(
    suite: Suite,
    watch: Watch,
    *,
    only: Sequence[str] = (),
    results: Path | None = None,
    stored: Path | None = None,
    update: bool = False,
    reason: str | None = None,
) -> RegressResult:
    """Run a suite again and compare it with its stored metrics.

    The arguments are the options of the command. By default, runs are stored in a new folder in ./results,
    and the stored metrics are the suite's own. With ``update``, groups that were not run keep theirs.
    """
    if update and not reason:
        raise ParamError("--update replaces stored numbers", where="--reason", fix='say why: --reason "…"')
    file = stored or baseline_file(suite)
    baseline = {} if update and not file.exists() else read_baseline(file)
    runs = suite.select(only).runs
    if update:
        make_writable(file)
    now = datetime.now(timezone.utc)
    root = results or Path(DEFAULT_ROOT, f"regress-{suite.name}-{now.strftime('%Y%m%dT%H%M%S')}")
    measured = measure(runs, Store(root), watch, suite.tolerance)
    known = {name: group for name, group in baseline.items() if not only or name in measured}
    changes = list(compare(known, measured))
    if update:
        groups = {**baseline, **measured}
        kept = {run.name: groups[run.name] for run in suite.runs if run.name in groups}
        facts = {"suite": suite.name, "title": suite.title, "date": now.date().isoformat(), "reason": reason}
        write_baseline(file, {**facts, "runs": kept})
    return RegressResult(measured, changes, file)


def _numbers(entry: SuiteRun, record: Record, folder: RunFolder) -> dict[str, Any]:
    """What is stored of a run: its metrics at the epoch that the suite chose, its trace and its costs."""
    run, cell = record.run, record.cell
    facts = {
        "id": record.id,
        "status": record.status,
        "seed": cell.seed,
        "task": record.task.id,
        "params": cell.params,
        "head": cell.head,
        "head_params": cell.head_params,
        "at": entry.at,
        "precision": cell.precision,
        "gpu": cell.device == "cuda",
        "seconds": run.seconds,
        "seconds_train": run.seconds_train,
        "seconds_evaluate": run.seconds_evaluate,
        "peak_memory_bytes": run.peak_memory_bytes,
        "environment": {
            name: getattr(run, name) for name in ("gzslbench", "python", "torch", "device", "threads")
        },
    }
    if record.failure is not None:
        return {**facts, "failure": asdict(record.failure)}
    lines = [line for line in folder.metrics() if line["leg"] == "final" and "metrics" in line]
    trace = {line["epoch"]: {name: line["metrics"][name] for name in PERCENTAGES} for line in lines}
    metrics = record.metrics[record.reported].as_dict()
    if entry.at is not None:
        if entry.at not in trace:
            what = f"no metrics of epoch {entry.at}"
            raise StoreError(what, where=folder.metrics_file, fix="remove the run's folder")
        metrics = trace[entry.at]
    return {
        **facts,
        "metrics": metrics,
        "H_by_epoch": [[epoch, at_epoch["H"]] for epoch, at_epoch in trace.items()],
        "by_rule": record.as_dict()["metrics"],
    }
