"""What is stored of a measured suite: the summary over its seeds, and whether a later run agrees with it."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gzslbench.errors import StoreError
from gzslbench.files import write_atomically
from gzslbench.runs.record import PERCENTAGES

TOLERANCE_SPREADS = 3.0
"""Standard deviations over seeds that a later mean may differ by, and at least TOLERANCE_FLOOR points."""
TOLERANCE_FLOOR = 3.0
OTHER_DEVICE = 2.0
"""Times the tolerance where what is stored was measured on another kind of device."""


def summarize(
    runs: Sequence[Mapping[str, Any]], tolerance: float | None = None
) -> dict[str, dict[str, float | None]]:
    """Mean, standard deviation and tolerance of each metric over the finished seeds, in points of percent.

    One seed has no spread, and its standard deviation is None. Where no ``tolerance`` is given it follows
    from the spread, and one seed has none. Empty where no seed finished.
    """
    finished = [run["metrics"] for run in runs if "metrics" in run]
    summary: dict[str, dict[str, float | None]] = {}
    for name in PERCENTAGES if finished else ():
        values = [metrics[name] for metrics in finished]
        spread = statistics.stdev(values) if len(values) > 1 else None
        allowed = _by_spread(spread) if tolerance is None else tolerance
        summary[name] = {"mean": statistics.fmean(values), "std": spread, "tolerance": allowed}
    return summary


def _by_spread(spread: float | None) -> float | None:
    return None if spread is None else max(TOLERANCE_FLOOR, TOLERANCE_SPREADS * spread)


@dataclass(frozen=True)
class Change:
    """What became of one group of runs.

    Attributes:
        name: The group's.
        moved: By metric that did, the mean as it was stored and now, and the tolerance between them.
        note: What else there is to say; empty where the group was compared and nothing moved.
        alarming: Whether something must be looked at.
    """

    name: str
    moved: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    note: str = ""
    alarming: bool = False


def compare(stored: Mapping[str, Any], measured: Mapping[str, Any]) -> Iterator[Change]:
    """What became of each group of runs, by name.

    Args:
        stored: By name, each with the ``summary`` of its runs and the ``runs``.
        measured: The same, of the later runs.
    """
    for name in sorted({*stored, *measured}):
        if name not in measured:
            yield Change(name, note="not in the suite any more", alarming=True)
        elif name not in stored:
            yield Change(name, note="not stored", alarming=True)
        else:
            yield _change(name, stored[name], measured[name])


def _change(name: str, stored: Mapping[str, Any], measured: Mapping[str, Any]) -> Change:
    old, new = stored["summary"], measured["summary"]
    if bool(old) != bool(new):
        which = "" if old else " in what is stored"
        return Change(name, note=f"every seed diverged{which}", alarming=True)
    if any(value["tolerance"] is None for value in old.values()):
        return Change(name, note="one seed: not compared")
    other = _gpu(stored) != _gpu(measured)
    factor = OTHER_DEVICE if other else 1.0
    moved = {
        metric: (old[metric]["mean"], new[metric]["mean"], factor * old[metric]["tolerance"])
        for metric in old
        if abs(new[metric]["mean"] - old[metric]["mean"]) > factor * old[metric]["tolerance"]
    }
    note = "stored on another kind of device: twice the tolerance" if other else ""
    return Change(name, moved, note, bool(moved))


def _gpu(group: Mapping[str, Any]) -> bool:
    return any(run.get("gpu") for run in group.get("runs", ()))


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
            f"no stored metrics to compare with: {error}", where=path, fix="store some with --update first"
        ) from error


def stored_metrics(folders: Iterable[Path], rule: str, metric: str) -> dict[str, float]:
    """By run id, the metric by the rule, of every file in ``folders``.

    Raises:
        StoreError: As ``read_stored``.
    """
    groups = [
        group
        for folder in folders
        for path in sorted(folder.glob("*.json"))
        for group in read_stored(path).values()
    ]
    runs = [run for group in groups for run in group["runs"] if rule in run.get("by_rule", {})]
    return {run["id"]: run["by_rule"][rule][metric] for run in runs}


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
            f"the metrics cannot be stored: {error}", where=path, fix="choose another file"
        ) from error


def write_stored(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` as JSON, whole or not at all."""
    write_atomically(path, (json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n").encode())
