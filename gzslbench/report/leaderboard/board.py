"""Leaderboards: tables of methods by datasets of numbers that may be compared, also with published ones."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import fmean

from gzslbench.data.dataset import FINETUNED, UNKNOWN
from gzslbench.report.leaderboard.entry import (
    Entry,
    Score,
    compare_column,
    group_rows,
    make_score,
    select_runs,
)
from gzslbench.report.leaderboard.references import ReferenceRow, external_rows
from gzslbench.report.leaderboard.significance import OverSeeds, Ranking, Test, rank
from gzslbench.report.leaderboard.stored_classes import StoredClasses
from gzslbench.report.published import PublishedNumber
from gzslbench.report.published_data import dataset_label, training_note, why_not_verified
from gzslbench.runs.cell import TaskInfo
from gzslbench.runs.record import CALIBRATED

DEFAULT_TOLERANCE = 2.0
"""Points between a published number and ours that count as agreement, unless the user chooses another."""
_PEEK = "test-peek"


@dataclass(frozen=True, order=True)
class ComparableGroup:
    """What all numbers of a table have in common; the usual sorts first.

    Attributes:
        setting: What the methods saw apart from the training rows of seen classes.
        variant: The methods' variant, where it is not that of the presets.
        pretraining: What the network behind the features learned from, see ``Dataset.pretraining``.
        mark: How the data differ from the published ones of that name, see ``mark_of``; empty if they do not.
        edition: 0 for the task of each dataset with most runs, 1 for the next, and so on.
        protocol: Minus the version of trainer and evaluator, so that the newest sorts first.
    """

    changed: bool
    setting: str
    variant: str
    features: str
    semantics: str
    pretraining: str
    mark: str
    edition: int
    protocol: int


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        label: The method, its head, its precision.
        columns: By metric, by dataset, the scores.
        metric: The metric that orders the table.
        changes: What differs from the presets.
    """

    label: str
    columns: Mapping[str, Mapping[str, Score]]
    metric: str
    changes: str

    @property
    def method(self) -> str:
        """Name of the method."""
        return next(iter(self.scores.values())).method

    @property
    def scores(self) -> Mapping[str, Score]:
        """By dataset, the scores of the metric that orders the table."""
        return self.columns[self.metric]


@dataclass(frozen=True)
class Board:
    """A table.

    Attributes:
        metric: The metric that orders the rows and decides the ranking.
        metrics: The metrics that every dataset shows, in order; ``metric`` is one of them.
        data: By dataset, in order, the task.
        rows: Best first: by mean rank over the datasets that all rows have, else by their mean.
        reason: Why it is a separate table; empty for the first.
        ranking: Of the rows over the datasets; None unless two datasets have all rows.
        external: Comparable results of other programs, which are not ranked.
    """

    group: ComparableGroup
    rule: str
    metric: str
    metrics: Sequence[str]
    test: Test
    data: Mapping[str, TaskInfo]
    rows: Sequence[Row]
    reason: str
    ranking: Ranking | None
    external: Sequence[ReferenceRow] = ()

    @property
    def tasks(self) -> dict[str, str]:
        """By dataset, in order, the id of the task."""
        return {dataset: task.id for dataset, task in self.data.items()}

    @property
    def labels(self) -> dict[str, str]:
        """By dataset, in order, its name as views show it, see ``dataset_label``."""
        return {dataset: dataset_label(task) for dataset, task in self.data.items()}

    @property
    def training_notes(self) -> list[str]:
        """Why the network behind the features may have seen unseen classes; empty if it has not."""
        tasks = (replace(task, pretraining=self.group.pretraining) for task in self.data.values())
        return list(dict.fromkeys(filter(None, map(training_note, tasks))))


def boards(
    entries: Iterable[Entry],
    rule: str,
    metric: str,
    test: Test | None = None,
    metrics: Sequence[str] = (),
    classes: StoredClasses | None = None,
    *,
    any_parameters: bool = False,
) -> tuple[list[Board], Counter[str]]:
    """Put runs with a number by ``rule`` into tables, the usual ones first; count the others by reason.

    External results are in no row. If their selection is stated, they are below the table of the runs that
    they can be compared with; the others have tables of their own, without rows, at the end.

    ``metric`` orders the rows; ``metrics`` are those to show, and only ``metric`` if there are none. With
    ``classes`` the scores have intervals over classes. With ``any_parameters`` runs whose parameters differ
    from the presets are in the tables of the others; the rows keep their changes.
    """
    test, metrics = test or OverSeeds(), metrics or (metric,)
    entries = list(entries)
    external = [entry for entry in entries if entry.summary.cell.external is not None]
    newest, left_out = select_runs((entry for entry in entries if entry.summary.cell.external is None), rule)
    editions, described = _editions(newest), (entry.summary.task for entry in newest)
    # Earlier records do not say it; the same task has the same features.
    trained = {task.id: task.pretraining for task in described if task.pretraining not in (None, UNKNOWN)}
    groups: dict[ComparableGroup, list[Entry]] = defaultdict(list)
    below: dict[ComparableGroup, list[Entry]] = defaultdict(list)
    alone: dict[tuple[ComparableGroup, str], list[Entry]] = defaultdict(list)
    for entry in [*newest, *external]:
        stated, task = entry.summary.cell.external, entry.summary.task
        variant = str(entry.changes.get("variant", ""))
        changed = not any_parameters and any(name != "variant" for name in entry.changes)
        what = (changed, entry.summary.setting, variant, task.features, task.semantics)
        own = task.pretraining or UNKNOWN
        pretraining = trained.get(task.id, own) if own == UNKNOWN and stated is None else own
        place = (pretraining, entry.mark, editions.get(task.id, -1), -entry.summary.cell.protocol)
        group = ComparableGroup(*what, *place)
        if stated is None:
            groups[group].append(entry)
        elif stated.selection == UNKNOWN:
            alone[group, "their selection is unknown"].append(entry)
        elif group in groups:
            below[group].append(entry)
        else:
            alone[group, "no run here can be compared with them"].append(entry)
    ordered = sorted(
        groups,
        key=lambda group: (
            *(bool(group.mark), group.changed, group.setting != "inductive"),
            *(-len(groups[group]), group),
        ),
    )
    tables = []
    for group in ordered:
        data = {entry.dataset: entry.summary.task for entry in groups[group]}
        data = dict(sorted(data.items()))
        reason = "" if group == ordered[0] else _reason(group, ordered[0], data)
        rows = _rows(groups[group], list(data), rule, metric, test, metrics, classes)
        common = [name for name in data if all(name in row.scores for row in rows)]
        ranking = None
        if len(rows) > 1 and len(common) > 1:
            ranking = rank({row.label: [row.scores[name].estimate.mean for name in common] for row in rows})
        means = {row.label: fmean(score.estimate.mean for score in row.scores.values()) for row in rows}
        places = {label: -mean for label, mean in means.items()} if ranking is None else ranking.ranks
        rows.sort(key=lambda row: (places[row.label], row.label))
        others = external_rows(below[group], metrics) if group in below else []
        tables.append(Board(group, rule, metric, metrics, test, data, rows, reason, ranking, others))
    for group, why in sorted(alone):
        found = alone[group, why]
        data = {entry.dataset: entry.summary.task for entry in sorted(found, key=lambda one: one.dataset)}
        reason = f"its results are external, and {why}"
        others = external_rows(found, metrics)
        tables.append(Board(group, rule, metric, metrics, test, data, [], reason, None, others))
    return tables, left_out


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


def _reason(group: ComparableGroup, first: ComparableGroup, data: Mapping[str, TaskInfo]) -> str:
    """Return what distinguishes this table's numbers from those of the first."""
    tasks = ", ".join(task.id for task in data.values())
    verb = "differ from the presets" if group.changed else "are those of the presets"
    reasons = {
        "changed": f"parameters {verb}",
        "setting": f"the setting is {group.setting}",
        "variant": f"the variant is {group.variant}",
        "features": f"the features are {group.features}",
        "semantics": f"the semantics are {group.semantics}",
        "pretraining": f"the pretraining of the features is {group.pretraining}",
        "mark": f"the data are not the published ones: {group.mark}",
        "edition": f"the task is another one: {tasks}",
        "protocol": f"trainer and evaluator had protocol {-group.protocol}",
    }
    return "; ".join(text for name, text in reasons.items() if getattr(group, name) != getattr(first, name))


def _rows(
    entries: Sequence[Entry],
    datasets: Sequence[str],
    rule: str,
    metric: str,
    test: Test,
    metrics: Sequence[str],
    classes: StoredClasses | None,
) -> list[Row]:
    """Return the rows of a table; rows that only the changes distinguish are numbered."""
    runs = group_rows(entries, rule)
    counts = Counter(row for row, _ in runs)
    numbers: Counter[str] = Counter()
    scores: dict[tuple[str, str], dict[str, dict[str, Score]]] = {
        key: {name: {} for name in metrics} for key in runs
    }
    for dataset, name in product(datasets, metrics):
        column = {
            key: make_score(found[dataset], rule, name, classes)
            for key, found in runs.items()
            if dataset in found
        }
        for key, score in compare_column(column, test).items():
            scores[key][name][dataset] = score
    rows = []
    for row, changes in sorted(runs):
        numbers[row] += 1
        label = f"{row} ({numbers[row]})" if counts[row] > 1 else row
        rows.append(Row(label, scores[row, changes], metric, changes))
    return rows


def published_rows(board: Board, numbers: Iterable[PublishedNumber]) -> list[ReferenceRow]:
    """Return external results, published numbers of the table's methods, and ours chosen as most are."""
    usable = [number for number in numbers if why_not_comparable(number, board) is None]
    rows: list[ReferenceRow] = []
    for method in sorted({score.method for row in board.rows for score in row.scores.values()}):
        published: dict[str, ReferenceRow] = {}
        for number in usable:
            values = {name: getattr(number, name, None) for name in board.metrics}
            known = {name: value for name, value in values.items() if value is not None}
            if number.method == method and known:
                title, variant = f"{number.title}, published", [number.label] if number.label else []
                row = published.setdefault(number.label, ReferenceRow(method, title, {}, variant))
                source = f"{number.source} ({number.habits})"
                if row.values.setdefault(number.dataset, known) is known and source not in row.sources:
                    row.sources.append(source)
        rows += published.values()
        if published and (peeked := _chosen_on_test(board, method)):
            not_calibrated = ", not calibrated" * (CALIBRATED in board.rule)
            title = f"{method}, best epoch on test{not_calibrated}"
            rows.append(ReferenceRow(method, title, peeked, []))
    return [*board.external, *rows]


def _chosen_on_test(board: Board, method: str) -> dict[str, dict[str, float]]:
    """Return our means over seeds chosen on the test set, of the method's first row that has them."""
    found: dict[str, dict[str, float]] = {}
    for row in reversed(board.rows):
        for dataset, score in row.scores.items():
            metrics = [entry.summary.metrics for entry in score.entries]
            if score.method == method and all(_PEEK in rules for rules in metrics):
                found[dataset] = {
                    name: fmean(getattr(rules[_PEEK], name) for rules in metrics) for name in board.metrics
                }
    return found


def why_not_comparable(number: PublishedNumber, board: Board) -> str | None:
    """Return why the number may not be in the table; None if it may."""
    if number.dataset not in board.data:
        return "another dataset"
    if board.group.mark:
        return board.group.mark
    for name in ("features", "semantics", "setting"):
        published, ours = getattr(number, name), getattr(board.group, name)
        if published not in (ours, "unknown"):
            return f"{name} {published}, not {ours}"
    if number.finetuned or FINETUNED in board.group.pretraining:
        return "features fine-tuned"
    return why_not_verified(board.data[number.dataset])


@dataclass(frozen=True)
class Comparison:
    """One of our numbers, ``now``, next to a published one; ``row`` is its label in the leaderboard.

    Attributes:
        stored: Our number as it was stored, over the runs that ``now`` shares with it; None if none was.
        published: What one source prints; None if no source does.
        why_not: Why the two are not compared; None if they are.
        tolerance: Points that count as agreement.
    """

    row: str
    now: Score
    stored: float | None
    published: PublishedNumber | None
    why_not: str | None
    tolerance: float

    @property
    def value(self) -> float | None:
        """The published number in percent; None if no source prints one."""
        return getattr(self.published, self.now.metric, None)

    @property
    def difference(self) -> float | None:
        """Ours minus the published number, in points; None if the two are not compared."""
        if self.value is None or self.why_not is not None:
            return None
        return self.now.estimate.mean - self.value

    @property
    def verdict(self) -> str:
        """``agrees``, ``lower``, ``higher``, ``not comparable`` or ``not published``."""
        if self.published is None:
            return "not published"
        if self.difference is None:
            return "not comparable"
        if abs(self.difference) <= self.tolerance:
            return "agrees"
        return "lower" if self.difference < 0 else "higher"


def comparisons(
    tables: Iterable[Board],
    numbers: Sequence[PublishedNumber],
    stored: Mapping[str, float],
    tolerance: float = DEFAULT_TOLERANCE,
) -> list[Comparison]:
    """Compare every score of ``boards`` with each number published of its method on its dataset."""
    found = []
    for board in tables:
        printed = [number for number in numbers if getattr(number, board.metric, None) is not None]
        for row in board.rows:
            for dataset, score in row.scores.items():
                runs = [stored[entry.summary.id] for entry in score.entries if entry.summary.id in stored]
                mean = fmean(runs) if runs else None
                what = (score.method, dataset)
                theirs: list[PublishedNumber | None] = [n for n in printed if (n.method, n.dataset) == what]
                for number in theirs or [None]:
                    why = None if number is None else _why_not(number, board, row)
                    found.append(Comparison(row.label, score, mean, number, why, tolerance))
    return found


def _why_not(number: PublishedNumber, board: Board, row: Row) -> str | None:
    if reason := why_not_comparable(number, board):
        return reason
    if "unknown" in (number.features, number.semantics):
        return "its features or semantics are not known"
    return f"ours has other parameters: {row.changes}" if row.changes else None
