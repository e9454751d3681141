"""Which runs a leaderboard shows, and which of them are the seeds of one row."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from gzslbench.errors import StoreError
from gzslbench.report.leaderboard.entry import Entry


def select_runs(entries: Iterable[Entry], rule: str) -> tuple[list[Entry], Counter[str]]:
    """Keep runs with a number by the rule; of several runs of one cell, the newest."""
    left_out: Counter[str] = Counter()
    newest: dict[str, Entry] = {}
    for entry in sorted(entries, key=lambda entry: entry.summary.run.started or ""):
        if entry.summary.status != "complete":
            left_out["diverged"] += 1
        elif entry.summary.control:
            left_out["control experiments, which are in no ranking"] += 1
        elif rule not in entry.summary.metrics:
            left_out[f"no metrics selected by {rule}, only by {', '.join(entry.summary.metrics)}"] += 1
        else:
            if entry.identity in newest:
                left_out["repeated: a newer run of the same settings and seed is shown"] += 1
            newest[entry.identity] = entry
    return list(newest.values()), left_out


def group_rows(entries: Iterable[Entry], rule: str) -> dict[tuple[str, str], dict[str, list[Entry]]]:
    """Return by row and changes, by dataset, the runs: one per seed.

    A row whose runs on one dataset depend on different choices is divided, and its label says so. So is a row
    with two runs of one seed, by what else distinguishes these.

    Raises:
        StoreError: Nothing distinguishes two runs of one seed but their numbers.
    """
    rows: dict[tuple[str, str], dict[str, dict[Any, Entry]]] = defaultdict(lambda: defaultdict(dict))
    for entry in entries:
        # Equal numbers are of one training, which was evaluated at other epochs, for example.
        numbers = tuple(entry.summary.metrics[rule].percentages().values())
        rows[entry.row, entry.changes_text][entry.dataset][entry.seed, numbers] = entry
    divided: dict[tuple[str, str], dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for (row, changes), found in rows.items():
        again = any(len({seed for seed, _ in runs}) < len(runs) for runs in found.values())
        values: dict[tuple[str, str], set[Any]] = defaultdict(set)
        for dataset, runs in found.items():
            for entry in runs.values():
                for name, value in entry.choices(rule, again=again).items():
                    values[dataset, name].add(value)
        several = {name for (_, name), different in values.items() if len(different) > 1}
        for dataset, runs in found.items():
            for entry in runs.values():
                choices = entry.choices(rule, again=again).items()
                label = ", ".join([row, *(f"{name}={value}" for name, value in choices if name in several)])
                score = divided[label, changes][dataset]
                for other in score:
                    if other.seed == entry.seed:
                        raise _seed_error(label, other, entry)
                score.append(entry)
    return divided


def _seed_error(label: str, one: Entry, other: Entry) -> StoreError:
    what = f"two runs of seed {one.seed} would be averaged in the row {label!r} on {one.dataset}"
    fix = (
        "see how they differ with `gzslbench show RUN --json`; then leave one out with --without RUN,"
        " or remove it with `gzslbench runs remove RUN`"
    )
    return StoreError(what, where=f"{one.summary.id} and {other.summary.id}", fix=fix)
