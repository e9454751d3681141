"""What calibration gives, and what its honest choice loses: a table of stored calibrated runs.

Each row is a method on a task, averaged over seeds: H without calibration, H with gamma passed on in each
way, and the best H that any gamma reaches on the test rows, which no honest choice can pass.

    python -m gzslbench_benchmarks.calibration RESULTS [DATASET/FEATURES/SEMANTICS ...]

With tasks after the folder, only runs on these tasks are read.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean

from gzslbench.data.variants import SHUFFLED
from gzslbench.evaluation.selection import TRANSFERS
from gzslbench.runs.record import Record
from gzslbench.runs.store import Store

PEEK = "test-peek-gamma"
COLUMNS = ("H without", *(f"H by {name}" for name in TRANSFERS), "best gamma on test")


def calibrated_records(results: Path, tasks: Sequence[str] = ()) -> Iterable[Record]:
    """Yield the calibrated records in ``results``, on ``tasks`` or on all, without shuffled semantics."""
    for folder in Store(results).runs():
        record = folder.record()
        if record is None or record.calibration is None or SHUFFLED in record.task.semantics:
            continue
        if not tasks or _task(record) in tasks:
            yield record


def compare_transfers(records: Iterable[Record]) -> dict[str, list[float]]:
    """Return the means over seeds, in the order of ``COLUMNS``, by method and task."""
    found: dict[str, list[list[float]]] = defaultdict(list)
    for record in records:
        assert record.calibration is not None
        head = "" if record.cell.head in (None, "softmax") else f" + {record.cell.head}"
        transfers = record.calibration.transfers
        numbers = [record.metrics[record.selection].H, *(transfers[name].H for name in TRANSFERS)]
        found[f"{record.cell.method}{head} | {_task(record)} | {record.selection}"].append(
            [*numbers, record.metrics[PEEK].H]
        )
    return {name: [fmean(column) for column in zip(*rows, strict=True)] for name, rows in found.items()}


def _task(record: Record) -> str:
    return f"{record.task.dataset}/{record.task.features}/{record.task.semantics}"


def markdown(rows: dict[str, list[float]]) -> str:
    """Return the table, with a last row of means."""
    if not rows:
        return "no calibrated runs\n"
    lines = ["| method | task | selection | " + " | ".join(COLUMNS) + " |", "|---" * (3 + len(COLUMNS)) + "|"]
    lines += [f"| {name} | {_numbers(row)} |" for name, row in sorted(rows.items())]
    means = [fmean(column) for column in zip(*rows.values(), strict=True)]
    lines.append(f"| mean | {len(rows)} rows | | {_numbers(means)} |")
    return "\n".join(lines) + "\n"


def _numbers(row: Sequence[float]) -> str:
    return " | ".join(f"{value:.1f}" for value in row)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    sys.stdout.write(markdown(compare_transfers(calibrated_records(Path(sys.argv[1]), sys.argv[2:]))))
