"""Run a suite for its numbers, and compare them with the stored ones: ``gzslbench regress``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from gzslbench.errors import ParamError, StoreError
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.plan import make_plan
from gzslbench.runs.progress import Watch
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
    of_cell = ("seed", "params", "head", "head_params", "precision")
    of_run = ("seconds", "seconds_train", "seconds_evaluate", "peak_memory_bytes")
    versions = ("gzslbench", "python", "torch", "device", "threads")
    facts = {
        "id": record.id,
        "status": record.status,
        "task": record.task.id,
        "at": entry.at,
        "gpu": record.cell.device == "cuda",
        **{name: getattr(record.cell, name) for name in of_cell},
        **{name: getattr(record.run, name) for name in of_run},
        "environment": {name: getattr(record.run, name) for name in versions},
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
    curve = [[epoch, at_epoch["H"]] for epoch, at_epoch in trace.items()]
    return {**facts, "metrics": metrics, "H_by_epoch": curve, "by_rule": record.as_dict()["metrics"]}
