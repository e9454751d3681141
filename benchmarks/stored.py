"""What is stored of a measured suite: the summary over its seeds, and whether a later run agrees with it."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gzslbench.errors import StoreError
from gzslbench.results.atomic import write_atomically
from gzslbench.results.record import PERCENTAGES

TOLERANCE_SPREADS = 3.0
"""Standard deviations over seeds that a later mean may differ by, and at least TOLERANCE_FLOOR points."""
TOLERANCE_FLOOR = 3.0


def summarize(runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Mean, standard deviation and tolerance of each metric over the finished seeds, in points of percent.

    One seed has no spread: its standard deviation and tolerance are None. Empty where none finished.
    """
    finished = [run["metrics"] for run in runs if "metrics" in run]
    summary: dict[str, dict[str, float | None]] = {}
    for name in PERCENTAGES if finished else ():
        values = [metrics[name] for metrics in finished]
        spread = statistics.stdev(values) if len(values) > 1 else None
        tolerance = None if spread is None else max(TOLERANCE_FLOOR, TOLERANCE_SPREADS * spread)
        summary[name] = {"mean": statistics.fmean(values), "std": spread, "tolerance": tolerance}
    return summary


def compare(stored: Mapping[str, Any], measured: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    """Whether each group of runs, by name, has moved, and a line that says so.

    Args:
        stored: By name, each with the ``summary`` of its runs.
        measured: The same, of the later runs.
    """
    for name in sorted({*stored, *measured}):
        if name not in stored or name not in measured:
            yield True, f"{name}: not {'stored' if name in measured else 'in the suite any more'}"
            continue
        old, new = stored[name]["summary"], measured[name]["summary"]
        if bool(old) != bool(new):
            yield True, f"{name}: every seed diverged{'' if old else ' in what is stored'}"
        elif any(value["tolerance"] is None for value in old.values()):
            yield False, f"{name}: one seed: not compared"
        else:
            moved = [line for metric in old for line in _moved(metric, old[metric], new[metric])]
            yield bool(moved), f"{name}: {', '.join(moved) or 'as stored'}"


def _moved(metric: str, old: Mapping[str, float], new: Mapping[str, float]) -> Iterator[str]:
    if abs(new["mean"] - old["mean"]) > old["tolerance"]:
        yield f"{metric} moved from {old['mean']:.1f} to {new['mean']:.1f} (tolerance {old['tolerance']:.1f})"


def read_stored(path: Path) -> dict[str, Any]:
    """The groups of runs that ``write_stored`` wrote, by name, each with its ``summary`` and its ``runs``.

    Raises:
        StoreError: There is none, or it is damaged.
    """
    try:
        groups = json.loads(path.read_text(encoding="utf-8"))["runs"]
        return {name: {"summary": group["summary"], "runs": group["runs"]} for name, group in groups.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"no stored metrics to compare with: {error}", where=path, fix="measure without --check first"
        ) from error


def make_writable(path: Path) -> None:
    """Make the folder of ``path`` where it is missing, and try whether ``path`` can be written there.

    Raises:
        StoreError: It cannot.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
    except OSError as error:
        raise StoreError(
            f"the metrics cannot be stored: {error}", where=path, fix="choose another file with --out"
        ) from error


def write_stored(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` as JSON, whole or not at all."""
    write_atomically(path, (json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n").encode())
