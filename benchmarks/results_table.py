"""The tables of measured results in the README and in docs/measured.md, made from stored runs.

Each task has five columns: T1, U, S and H, and the 95 % interval of H over other test classes. Epochs and the
calibration constant were chosen on validation classes. Controls and other rules are left out.

    python -m gzslbench_benchmarks.results_table RESULTS FLO/efficientnet_lite0/att [further tasks]
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean

import gzslbench as gz
from gzslbench.plugins.registry import plugins

METRICS = ("T1", "U", "S", "H")
Rows = dict[str, list[str]]


def task_rows(results: Path, task: str) -> Rows:
    """Return the cells of each method on ``task``, written as dataset/features/semantics."""
    dataset, features, semantics = task.split("/")
    board = gz.leaderboard(
        results,
        select="val-calibrated",
        datasets=dataset,
        any_parameters=True,
        intervals="classes",
        metric=METRICS,
    )
    found: dict[str, dict[str, Mapping[str, float]]] = defaultdict(dict)
    for row in board.rows():
        if (row["features"], row["semantics"]) == (features, semantics):
            if row["method"].endswith(")"):  # a number in parentheses: one of several settings
                raise SystemExit(f"{task}: {row['method']} has several settings; keep one suite in RESULTS")
            found[row["method"]][row["metric"]] = row
    if not found:
        raise SystemExit(f"{task}: no calibrated runs in {results}")
    return {method: list(_cells(rows)) for method, rows in found.items()}


def _cells(rows: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield from (f"{rows[metric]['mean']:.1f}" for metric in METRICS)
    low, high = rows["H"]["class_low"], rows["H"]["class_high"]
    yield "" if low is None else f"{low:.1f}–{high:.1f}"  # too few classes give no interval


def markdown(by_task: Mapping[str, Rows]) -> str:
    """Return one table; the methods that every task has, in the order of their mean H."""
    common = set.intersection(*(set(rows) for rows in by_task.values()))
    rows = {method: [cells for rows in by_task.values() for cells in rows[method]] for method in common}
    mean_h = {method: fmean(float(rows[method][3]) for rows in by_task.values()) for method in common}
    lines = ["|method|" + "|".join(f"{_name(task)} T1|U|S|H|other classes" for task in by_task) + "|"]
    lines.append("|---" * (1 + 5 * len(by_task)) + "|")
    for method in sorted(common, key=lambda method: (-mean_h[method], method)):
        lines.append(f"|{_title(method)}|" + "|".join(rows[method]) + "|")
    return "\n".join(lines) + "\n"


def _name(task: str) -> str:
    """Return the dataset, with its semantics where they are not the usual attributes."""
    dataset, _, semantics = task.split("/")
    return dataset if semantics == "att" else f"{dataset} {semantics}"


def _title(row: str) -> str:
    """Return the titles of a row named as leaderboards do: METHOD or METHOD, with HEAD."""
    method, _, head = row.partition(", with ")
    title = plugins().methods()[method].title
    return f"{title}+{plugins().heads()[head].title}" if head else title


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    results, *tasks = sys.argv[1:]
    sys.stdout.write(markdown({task: task_rows(Path(results), task) for task in tasks}))
