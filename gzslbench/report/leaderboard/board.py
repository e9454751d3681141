"""Leaderboards: tables of methods by datasets, each with numbers that may be compared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TypeVar

from gzslbench.report.leaderboard.entry import Entry, Score, make_score
from gzslbench.report.leaderboard.significance import OverSeeds, Ranking, Test, rank

Key = TypeVar("Key")


@dataclass(frozen=True, order=True)
class ComparableGroup:
    """What all numbers of a table have in common; the usual sorts first.

    Attributes:
        changed: Whether parameters differ from the presets.
        setting: What the methods saw apart from the training rows of seen classes.
        variant: The methods' variant, where it is not that of the presets.
        edition: 0 for the task of each dataset with most runs, 1 for the next, and so on.
        protocol: Minus the version of trainer and evaluator, so that the newest sorts first.
    """

    changed: bool
    setting: str
    variant: str
    features: str
    semantics: str
    edition: int
    protocol: int


@dataclass(frozen=True)
class Row:
    """A row of a table: its label, its scores by dataset, and what differs from the presets."""

    label: str
    scores: Mapping[str, Score]
    changes: str


@dataclass(frozen=True)
class Board:
    """A table.

    Attributes:
        tasks: By dataset, in order, the id of the task.
        rows: Best first: by mean rank over the datasets that all rows have, else by their mean.
        reason: Why it is a separate table; empty for the first.
        ranking: Of the rows over the datasets; None unless two datasets have all rows.
    """

    group: ComparableGroup
    rule: str
    metric: str
    test: Test
    tasks: Mapping[str, str]
    rows: Sequence[Row]
    reason: str
    ranking: Ranking | None


def boards(
    entries: Iterable[Entry], rule: str, metric: str, test: Test | None = None
) -> tuple[list[Board], Counter[str]]:
    """Put runs with a number by ``rule`` into tables, the usual ones first; count the others by reason."""
    test = test or OverSeeds()
    newest, left_out = _select(entries, rule)
    editions = _editions(newest)
    groups: dict[ComparableGroup, list[Entry]] = defaultdict(list)
    for entry in newest:
        task, variant = entry.summary.task, str(entry.changes.get("variant", ""))
        changed = any(name != "variant" for name in entry.changes)
        what = (changed, entry.summary.setting, variant, task.features, task.semantics)
        group = ComparableGroup(*what, edition=editions[task.id], protocol=-entry.summary.cell.protocol)
        groups[group].append(entry)
    ordered = sorted(
        groups, key=lambda group: (group.changed, group.setting != "inductive", -len(groups[group]), group)
    )
    tables = []
    for group in ordered:
        tasks = {entry.dataset: entry.summary.task.id for entry in groups[group]}
        tasks = dict(sorted(tasks.items()))
        reason = "" if group == ordered[0] else _reason(group, ordered[0], tasks)
        rows = _rows(groups[group], list(tasks), rule, metric, test)
        common = [name for name in tasks if all(name in row.scores for row in rows)]
        ranking = None
        if len(rows) > 1 and len(common) > 1:
            ranking = rank({row.label: [row.scores[name].estimate.mean for name in common] for row in rows})
        means = {row.label: fmean(score.estimate.mean for score in row.scores.values()) for row in rows}
        places = {label: -mean for label, mean in means.items()} if ranking is None else ranking.ranks
        rows.sort(key=lambda row: (places[row.label], row.label))
        tables.append(Board(group, rule, metric, test, tasks, rows, reason, ranking))
    return tables, left_out


def _select(entries: Iterable[Entry], rule: str) -> tuple[list[Entry], Counter[str]]:
    """Keep runs with a number by the rule; of those with the same settings and seed, the newest."""
    left_out: Counter[str] = Counter()
    newest: dict[tuple[str, int], Entry] = {}
    for entry in sorted(entries, key=lambda entry: entry.summary.run.started or ""):
        if entry.summary.status != "complete":
            left_out["diverged"] += 1
        elif rule not in entry.summary.metrics:
            left_out[f"no metrics selected by {rule}, only by {', '.join(entry.summary.metrics)}"] += 1
        else:
            if (entry.identity, entry.seed) in newest:
                left_out["repeated: a newer run of the same settings and seed is shown"] += 1
            newest[entry.identity, entry.seed] = entry
    return list(newest.values()), left_out


def _editions(entries: Sequence[Entry]) -> dict[str, int]:
    """Number the tasks of the same dataset, features and semantics, by task id; most runs first."""
    counts: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for entry in entries:
        task = entry.summary.task
        counts[task.dataset, task.features, task.semantics][task.id] += 1
    return {
        task_id: place
        for tasks in counts.values()
        for place, task_id in enumerate(sorted(tasks, key=lambda name: (-tasks[name], name)))
    }


def _reason(group: ComparableGroup, first: ComparableGroup, tasks: Mapping[str, str]) -> str:
    """Return what distinguishes this table's numbers from those of the first."""
    verb = "differ from the presets" if group.changed else "are the presets'"
    reasons = {
        "changed": f"parameters {verb}",
        "setting": f"the setting is {group.setting}",
        "variant": f"the variant is {group.variant}",
        "features": f"the features are {group.features}",
        "semantics": f"the semantics are {group.semantics}",
        "edition": f"the task is another one: {', '.join(tasks.values())}",
        "protocol": f"trainer and evaluator had protocol {-group.protocol}",
    }
    return "; ".join(text for name, text in reasons.items() if getattr(group, name) != getattr(first, name))


def _rows(entries: Sequence[Entry], datasets: Sequence[str], rule: str, metric: str, test: Test) -> list[Row]:
    """Return the rows of a table; rows that only the changes distinguish are numbered."""
    runs: dict[tuple[str, str], dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        changes = " ".join(f"{name}={value}" for name, value in entry.changes.items() if name != "variant")
        runs[entry.row, changes][entry.dataset].append(entry)
    counts = Counter(row for row, _ in runs)
    numbers: Counter[str] = Counter()
    scores: dict[tuple[str, str], dict[str, Score]] = {key: {} for key in runs}
    for dataset in datasets:
        column = {
            key: make_score(found[dataset], rule, metric) for key, found in runs.items() if dataset in found
        }
        for key, score in compare_column(column, test).items():
            scores[key][dataset] = score
    rows = []
    for row, changes in sorted(runs):
        numbers[row] += 1
        label = f"{row} ({numbers[row]})" if counts[row] > 1 else row
        rows.append(Row(label, scores[row, changes], changes))
    return rows


def compare_column(column: Mapping[Key, Score], test: Test) -> dict[Key, Score]:
    """Mark the best score of a column, given by row, and test the others against it."""
    if not column:
        return {}
    best = max(column, key=lambda row: column[row].estimate.mean)
    found = {row: test(column[best], score) for row, score in column.items() if row != best}
    corrected = holm({row: probability for row, probability in found.items() if probability is not None})
    return {
        row: replace(score, best=row == best, probability=corrected.get(row)) for row, score in column.items()
    }


def holm(probabilities: Mapping[Key, float]) -> dict[Key, float]:
    """Correct probabilities for being several (Holm 1979, step down); the order of names is kept."""
    corrected = dict(probabilities)
    highest = 0.0
    for position, name in enumerate(sorted(probabilities, key=lambda name: probabilities[name])):
        highest = max(highest, min(1.0, (len(probabilities) - position) * probabilities[name]))
        corrected[name] = highest
    return corrected
