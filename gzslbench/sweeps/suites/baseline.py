"""The stored metrics of a suite: whether later runs agree with them, and what they say about claims."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypedDict

import msgspec

from gzslbench.errors import StoreError
from gzslbench.files import make_folder, read_file, write_atomically, writing
from gzslbench.runs.record import PERCENTAGES
from gzslbench.sweeps.suites.schema import Claim
from gzslbench.sweeps.suites.suite import Suite

TOLERANCE_SPREADS = 3.0
"""Standard deviations over the seeds by which a later mean may differ."""
TOLERANCE_FLOOR = 3.0
"""Points of percent by which a later mean may differ in any case."""
OTHER_DEVICE_FACTOR = 2.0
"""Factor on the tolerance if the stored metrics come from another kind of device."""


def summarize(
    runs: Sequence[Mapping[str, Any]], tolerance: float | None = None
) -> dict[str, dict[str, float | None]]:
    """Compute mean, standard deviation and tolerance of each metric over the finished seeds, in percent.

    One seed has no standard deviation: it is None. If no ``tolerance`` is given, it follows from the standard
    deviation, and is None for one seed. The result is empty if no seed finished.
    """
    finished = [run["metrics"] for run in runs if "metrics" in run]
    summary: dict[str, dict[str, float | None]] = {}
    for name in PERCENTAGES if finished else ():
        values = [metrics[name] for metrics in finished]
        spread = statistics.stdev(values) if len(values) > 1 else None
        allowed = tolerance
        if tolerance is None and spread is not None:
            allowed = max(TOLERANCE_FLOOR, TOLERANCE_SPREADS * spread)
        summary[name] = {"mean": statistics.fmean(values), "std": spread, "tolerance": allowed}
    return summary


class _Tolerated(TypedDict):
    mean: float
    std: float | None
    tolerance: float | None


class _Run(TypedDict, total=False):
    id: str
    seed: int
    metrics: dict[str, float]
    by_rule: dict[str, dict[str, float | int | None]]


class _Group(TypedDict):
    """What this program reads of a group; it has more."""

    summary: dict[Literal["U", "S", "H", "T1", "AUSUC"], _Tolerated]
    runs: list[_Run]


@dataclass(frozen=True)
class Change:
    """The comparison of one group of runs with its stored metrics.

    ``moved`` has, for each metric that moved, the stored mean, the mean now, and the tolerance.
    """

    name: str
    moved: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    note: str = ""
    alarming: bool = False


def compare(stored: Mapping[str, Any], measured: Mapping[str, Any]) -> Iterator[Change]:
    """Compare groups of runs, by name, each with the ``summary`` of its runs and the ``runs``."""
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
    factor = OTHER_DEVICE_FACTOR if other else 1.0
    both = [(name, old[name], new[name]["mean"]) for name in old if name in new]
    means = {name: (was["mean"], now, factor * was["tolerance"]) for name, was, now in both}
    moved = {name: mean for name, mean in means.items() if abs(mean[1] - mean[0]) > mean[2]}
    note = "stored on another kind of device: twice the tolerance" if other else ""
    return Change(name, moved, note, bool(moved))


def _gpu(group: Mapping[str, Any]) -> bool:
    return any(run.get("gpu") for run in group.get("runs", ()))


def read_baseline(path: Path) -> dict[str, Any]:
    """Read the groups that ``write_baseline`` wrote, by name, each with its ``summary`` and its ``runs``."""
    try:
        groups = json.loads(read_file(path))["runs"]
        msgspec.convert(groups, dict[str, _Group])
        return {name: {"summary": group["summary"], "runs": group["runs"]} for name, group in groups.items()}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        what = f"no stored metrics to compare with: {error}"
        raise StoreError(what, where=path, fix="store some with --update first") from error


def stored_metrics(folders: Iterable[Path], rule: str, metric: str) -> dict[str, float]:
    """Read one metric, by one selection rule, of every run in the files of ``folders``, by run id."""
    files = [path for folder in folders for path in sorted(folder.glob("*.json"))]
    groups = [group for path in files for group in read_baseline(path).values()]
    runs = [(run, run.get("by_rule", {}).get(rule, {})) for group in groups for run in group["runs"]]
    return {run["id"]: numbers[metric] for run, numbers in runs if metric in numbers and "id" in run}


def make_writable(path: Path) -> None:
    """Create the folder of ``path`` if it is missing, and check that ``path`` can be written."""
    with writing(path, "the metrics cannot be stored", elsewhere="choose another file"):
        make_folder(path.parent)
        if path.is_dir():
            raise IsADirectoryError("it is a folder")


def write_baseline(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` atomically as JSON."""
    write_atomically(path, json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")


def baseline_file(suite: Suite) -> Path:
    """Where the metrics of a suite are stored unless the user names another file."""
    bundled = suite.path.parent.parent / "metrics" / f"{suite.name}.json"
    return bundled if suite.path.parent.name == "suites" else suite.path.with_suffix(".json")


def claims_table(claims: Sequence[Claim], groups: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Judge claims by finished runs, given by name, in a Markdown table.

    A claim is judged by the seeds that both of its sides have; without any, it is left out. It is judged in
    its own metric, and in AUSUC: the area counts every gamma, so a bias to the seen classes cannot move it.
    """
    sides = ("with", "without", "verdict")
    header = ["method", "claim", "metric", *sides, *(f"AUSUC {word}" for word in sides)]
    rows = [header, ["---"] * len(header)]
    for claim in claims:
        own, fair = (_judge(claim, groups, metric) for metric in (claim.metric, "AUSUC"))
        if own:
            rows.append([claim.method, claim.text, claim.metric, *own, *(fair or ["–"] * len(sides))])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _judge(claim: Claim, groups: Mapping[str, Sequence[Mapping[str, Any]]], metric: str) -> tuple[str, ...]:
    """Return the mean of both sides and the verdict; nothing if no seed has both sides."""
    better, than = (
        {
            run["seed"]: run["metrics"][metric]
            for run in groups.get(name, ())
            if "seed" in run and metric in run.get("metrics", {})
        }
        for name in (claim.better, claim.than)
    )
    seeds = sorted(better.keys() & than.keys())
    if not seeds:
        return ()
    means = [f"{statistics.fmean(side[seed] for seed in seeds):.1f}" for side in (better, than)]
    return (*means, _verdict([better[seed] > than[seed] for seed in seeds]))


def _verdict(holds: Sequence[bool]) -> str:
    if len(holds) == 1:
        return "holds (one seed)" if holds[0] else "does not hold (one seed)"
    if sum(holds) in (0, len(holds)):
        return f"holds in {'all' if holds[0] else 'none of'} {len(holds)} seeds"
    return f"holds in {sum(holds)} of {len(holds)} seeds"
