"""Tables of methods by datasets, each of numbers that may be compared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gzslbench.report.leaderboard.entry import Entry
from gzslbench.report.leaderboard.kind import Kind, editions_of, kind_of, reason_of
from gzslbench.report.leaderboard.score import Score, compared, score
from gzslbench.report.leaderboard.significance import OverSeeds, Test
from gzslbench.report.statistics import STUDENT, IntervalMethod, Ranking, rank

_OVER_SEEDS = OverSeeds()


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        label: The method, its head, and a number where several rows would be called the same.
        scores: By dataset; a dataset without a run is missing.
        changes: What is not as the presets have it, as assignments; empty where all is.
    """

    label: str
    scores: Mapping[str, Score]
    changes: str = ""


@dataclass(frozen=True)
class Board:
    """A table.

    Attributes:
        kind: What its numbers have in common.
        rule: How the epoch of every number was chosen.
        metric: Which metric it shows, in percent.
        tasks: By dataset, in order, the id of the task.
        rows: Best first: by mean rank over the datasets that all rows have, else by their mean.
        reason: Why it is a table of its own; empty for the first.
        ranking: Of the rows over the datasets; None where no two datasets have all rows.
        test: That marked the rows not significantly worse than the best.
        interval: Of its means.
    """

    kind: Kind
    rule: str
    metric: str
    tasks: Mapping[str, str]
    rows: Sequence[Row]
    reason: str = ""
    ranking: Ranking | None = None
    test: Test = _OVER_SEEDS
    interval: IntervalMethod = STUDENT


@dataclass(frozen=True)
class Shown:
    """Which number of each run a table shows, and how its means are judged."""

    rule: str
    metric: str
    test: Test
    interval: IntervalMethod

    def score(self, entries: Sequence[Entry]) -> Score:
        """Of one row's runs on one dataset."""
        return score(entries, self.rule, self.metric, self.interval)


def boards(
    entries: Iterable[Entry],
    rule: str,
    metric: str,
    test: Test = _OVER_SEEDS,
    interval: IntervalMethod = STUDENT,
) -> tuple[list[Board], Counter[str]]:
    """The tables of all ``entries`` that have a number by ``rule``, the one with most of the usual first.

    With them comes what no table shows: how many runs, by the reason why.

    Args:
        entries: The runs.
        rule: How the epoch of every number was chosen.
        metric: Which metric they show.
        test: Of each row against the best of its column.
        interval: Of the means.
    """
    left_out: Counter[str] = Counter()
    usable = []
    for entry in entries:
        if entry.summary.status != "complete":
            left_out["diverged"] += 1
        elif rule not in entry.summary.metrics:
            left_out[f"selected by {entry.summary.selection!r} alone, not by {rule!r}"] += 1
        else:
            usable.append(entry)
    newest = _newest(usable, left_out)
    editions = editions_of(newest)
    groups: dict[Kind, list[Entry]] = defaultdict(list)
    for entry in newest:
        groups[kind_of(entry, editions)].append(entry)
    kinds = sorted(
        groups, key=lambda kind: (kind.changed, kind.setting != "inductive", -len(groups[kind]), kind)
    )
    shown = Shown(rule, metric, test, interval)
    return [_board(kind, groups[kind], shown, kinds[0]) for kind in kinds], left_out


def _newest(entries: Sequence[Entry], left_out: Counter[str]) -> list[Entry]:
    """Of runs that differ in nothing that counts, the one that began last."""
    found: dict[tuple[str, int], Entry] = {}
    for entry in sorted(entries, key=lambda each: each.summary.run.get("started") or ""):
        if (entry.same, entry.seed) in found:
            left_out["repeated: a newer run of the same settings and seed is shown"] += 1
        found[entry.same, entry.seed] = entry
    return list(found.values())


def _board(kind: Kind, entries: Sequence[Entry], shown: Shown, first: Kind) -> Board:
    tasks = {entry.dataset: str(entry.summary.task["id"]) for entry in entries}
    runs: dict[tuple[str, str], dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        runs[entry.row, _changes(entry)][entry.dataset].append(entry)
    labels = _labels(list(runs))
    datasets = sorted(tasks)
    columns = {
        name: compared(
            {labels[of]: shown.score(each[name]) for of, each in runs.items() if name in each}, shown.test
        )
        for name in datasets
    }
    scored = [
        Row(label, {name: columns[name][label] for name in datasets if label in columns[name]}, changes)
        for (_, changes), label in labels.items()
    ]
    ranking = _ranking(scored, datasets)
    ordered = sorted(scored, key=lambda row: (_place(row, ranking), row.label))
    return Board(
        kind=kind,
        rule=shown.rule,
        metric=shown.metric,
        tasks={name: tasks[name] for name in datasets},
        rows=ordered,
        reason="" if kind == first else reason_of(kind, first, tasks),
        ranking=ranking,
        test=shown.test,
        interval=shown.interval,
    )


def _changes(entry: Entry) -> str:
    return " ".join(f"{name}={value}" for name, value in entry.changes.items() if name != "variant")


def _labels(rows: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """By row and its changes, what it is called: numbered where only the changes tell it from another."""
    called = Counter(row for row, _ in rows)
    given: Counter[str] = Counter()
    labels = {}
    for row, changes in sorted(rows):
        given[row] += 1
        labels[row, changes] = f"{row} ({given[row]})" if called[row] > 1 else row
    return labels


def _ranking(rows: Sequence[Row], datasets: Sequence[str]) -> Ranking | None:
    shared = [name for name in datasets if all(name in row.scores for row in rows)]
    if len(rows) < 2 or len(shared) < 2:
        return None
    return rank({row.label: [row.scores[name].estimate.mean for name in shared] for row in rows})


def _place(row: Row, ranking: Ranking | None) -> float:
    if ranking is not None:
        return ranking.ranks[row.label]
    means = [each.estimate.mean for each in row.scores.values()]
    return -sum(means) / len(means)
