"""What all numbers of a table have in common."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gzslbench.report.leaderboard.entry import Entry


@dataclass(frozen=True, order=True)
class Kind:
    """What all numbers of a table have in common; the usual comes first.

    Attributes:
        changed: Whether parameters differ from the presets.
        setting: What was seen besides the seen classes' training rows.
        variant: Of the methods, where it is not the presets'.
        features: Name of the features.
        semantics: Name of the semantics.
        edition: 0 for the task of each dataset with most runs, 1 for the next, and so on.
        protocol: Version of trainer and evaluator, the newest first.
    """

    changed: bool
    setting: str
    variant: str
    features: str
    semantics: str
    edition: int
    protocol: int


def editions_of(entries: Sequence[Entry]) -> dict[str, int]:
    """By task id, its place among the tasks of the same dataset, features and semantics; most runs first."""
    counts: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for entry in entries:
        task = entry.summary.task
        counts[task["dataset"], task["features"], task["semantics"]][task["id"]] += 1
    places: dict[str, int] = {}
    for tasks in counts.values():
        for place, (task_id, _) in enumerate(sorted(tasks.items(), key=lambda item: (-item[1], item[0]))):
            places[task_id] = place
    return places


def kind_of(entry: Entry, editions: Mapping[str, int]) -> Kind:
    """The kind of table that an entry belongs in; ``editions`` are of all entries."""
    task = entry.summary.task
    changes = {name for name in entry.changes if name != "variant"}
    return Kind(
        changed=bool(changes),
        setting=entry.summary.setting,
        variant=entry.variant,
        features=str(task["features"]),
        semantics=str(task["semantics"]),
        edition=editions[task["id"]],
        protocol=-int(entry.summary.cell.get("protocol", 0)),
    )


def reason_of(kind: Kind, first: Kind, tasks: Mapping[str, str]) -> str:
    """What tells this table's numbers from those of the first."""
    reasons = []
    if kind.changed != first.changed:
        reasons.append("parameters are not the presets'" if kind.changed else "parameters are the presets'")
    if kind.setting != first.setting:
        reasons.append(f"the setting is {kind.setting}")
    if kind.variant != first.variant:
        reasons.append(f"the variant is {kind.variant}")
    for name in ("features", "semantics"):
        if getattr(kind, name) != getattr(first, name):
            reasons.append(f"the {name} are {getattr(kind, name)}")
    if kind.edition != first.edition:
        reasons.append(f"the task is another: {', '.join(tasks.values())}")
    if kind.protocol != first.protocol:
        reasons.append(f"protocol {-kind.protocol} of trainer and evaluator")
    return "; ".join(reasons)
