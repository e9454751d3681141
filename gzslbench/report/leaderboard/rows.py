"""Which runs a leaderboard shows, and which of them are the seeds of one row."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from gzslbench.errors import StoreError
from gzslbench.report.leaderboard.entry import Entry


def select_runs(entries: Iterable[Entry], rule: str) -> tuple[list[Entry], Counter[str]]:
    """Keep runs with a number by the rule; of equal runs, and of runs with equal numbers, the newest."""
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
    # The same training is in two runs if, for example, it was evaluated at other epochs.
    distinct: dict[tuple[object, ...], Entry] = {}
    for entry in newest.values():
        summary, cell = entry.summary, entry.summary.cell
        numbers = tuple(summary.metrics[rule].percentages().values())
        row = (
            entry.row,
            str(entry.changes),
            summary.setting,
            summary.task.id,
            cell.protocol,
            cell.seed,
            numbers,
        )
        if row in distinct:
            left_out["repeated: another run of the same row and seed has the same numbers"] += 1
        distinct[row] = entry
    return list(distinct.values()), left_out


def group_rows(entries: Iterable[Entry], rule: str) -> dict[tuple[str, str], dict[str, list[Entry]]]:
    """Return by row and changes, by dataset, the runs: one per seed.

    A row that on some dataset depends on several choices is divided, and its label says so. So is a row with
    two runs of one seed, by what else distinguishes these.
    """
    rows: dict[tuple[str, str], dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        rows[entry.row, entry.changes_text][entry.dataset].append(entry)
    divided: dict[tuple[str, str], dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for (row, changes), found in rows.items():
        averaged = any(len({entry.seed for entry in runs}) < len(runs) for runs in found.values())
        choices = {
            entry.identity: entry.choices(rule, averaged=averaged)
            for runs in found.values()
            for entry in runs
        }
        several = [
            name
            for name in next(iter(choices.values()))
            if any(len({choices[entry.identity][name] for entry in runs}) > 1 for runs in found.values())
        ]
        for dataset, runs in found.items():
            for entry in runs:
                own = choices[entry.identity]
                label = ", ".join([row, *(f"{name}={own[name]}" for name in several)])
                divided[label, changes][dataset].append(entry)
    for (label, _), found in divided.items():
        for runs in found.values():
            _check_seeds(label, runs)
    return divided


def _check_seeds(label: str, runs: Iterable[Entry]) -> None:
    """Raise a StoreError that names both runs if two runs of a score have one seed."""
    by_seed: dict[int, Entry] = {}
    for entry in runs:
        other = by_seed.setdefault(entry.seed, entry)
        if other is not entry:
            what = f"two runs of seed {entry.seed} would be averaged in the row {label!r} on {entry.dataset}"
            fix = (
                "see how they differ with `gzslbench show RUN --json`; then leave one out with --without RUN,"
                " or remove it with `gzslbench runs remove RUN`"
            )
            raise StoreError(what, where=f"{other.summary.id} and {entry.summary.id}", fix=fix)
