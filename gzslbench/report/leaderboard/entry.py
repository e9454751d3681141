"""Stored runs, the rows that they form, and their scores: what leaderboards and lists are built from."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from gzslbench.data.dataset import SAW_VALIDATION, finetuning_note
from gzslbench.data.variants import SHUFFLED
from gzslbench.errors import GzslBenchError, StoreError
from gzslbench.plugins.head import SOFTMAX
from gzslbench.plugins.presets import preset_values
from gzslbench.plugins.registry import plugins
from gzslbench.report.leaderboard.significance import MIN_SEEDS, SIGNIFICANCE, Key, Test, holm
from gzslbench.report.leaderboard.stored_classes import StoredClasses
from gzslbench.report.published_data import dataset_label, mark_of
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.plan import EPOCHS_RULE
from gzslbench.runs.record import CALIBRATED, PEEK_GAMMA, PERCENTAGES, Summary
from gzslbench.runs.store import DamagedRecordWarning, Store, read_summaries

HEAD = "head."
"""Prefix of the parameters of a head among the changes."""
CONFIDENCE = 0.95
INTERVAL = f"Student's 95 % interval of the mean over seeds, from {MIN_SEEDS} seeds on"
CELL_FIELDS = {
    **dict.fromkeys(("method", "head", "precision", "eval_repeats", "code"), "label"),
    **dict.fromkeys(("method_version", "head_version", "preprocessing", "params", "head_params"), "change"),
    **dict.fromkeys(("dataset", "task", "protocol"), "table"),
    **dict.fromkeys(("eval_every", "validation", "validation_features", "select"), "choice"),
    "calibrate": "rule: calibrated numbers have a rule of their own",
    "control": "no table: controls are in no ranking",
    "external": "no rank: external results are below the rows of a table, or in a table of their own",
    "seed": "average: a score is the mean over seeds",
    "device": "average: it rounds in another way; two runs of one seed are two rows",
    "deterministic": "average: it orders the same sums; two runs of one seed are two rows",
}
"""Where each field of a cell counts in a leaderboard. ``tests`` check that a new field is added here.

``label``: in the row's label. ``change``: a difference to the preset, in rows and tables of its own.
``table``: a column or a table of its own. ``choice``: it decides what some rules choose from, and so divides
a row by these rules. Other values say why the field divides nothing.
"""
CHOICES = (
    *("eval_every", "validation", "validation_features", "select"),
    *("device", "deterministic", "calibrate"),
)
"""Fields that may divide a row, see ``Entry.choices``."""
_ABSENT = object()


@dataclass(frozen=True)
class Entry:
    """One run.

    Attributes:
        summary: Summary of its record.
        folder: Where it is stored.
        row: Label of its row apart from ``changes``: the method, its head, its precision, its evaluations.
        changes: By name, what differs from the preset of its dataset: parameters (those of the head begin
            with ``head.``), preprocessing, and versions that are not the installed ones. A method that is not
            installed has no preset, so all these are changes.
    """

    summary: Summary
    folder: RunFolder
    row: str
    changes: Mapping[str, Any]

    @property
    def method(self) -> str:
        """The method's name."""
        return self.summary.cell.method

    @property
    def seed(self) -> int:
        """Seed of its random streams."""
        return self.summary.cell.seed

    @property
    def dataset(self) -> str:
        """The dataset's name."""
        return self.summary.task.dataset

    @cached_property
    def mark(self) -> str:
        """How its data differ from the published ones of that name, see ``mark_of``."""
        return mark_of(self.summary.task)

    @cached_property
    def dataset_label(self) -> str:
        """The dataset's name with the mark."""
        return dataset_label(self.summary.task)

    @cached_property
    def identity(self) -> str:
        """The id of its cell: equal for repetitions of one run."""
        return self.summary.cell.id

    @cached_property
    def changes_text(self) -> str:
        """The changes as text, without the variant, which has a table of its own."""
        return " ".join(f"{name}={value}" for name, value in self.changes.items() if name != "variant")

    def choices(self, rule: str, *, again: bool) -> dict[str, Any]:
        """Return, by field of the cell, what the rule's choice of epochs or gamma depends on.

        With ``again``, because there is another run of the same seed, also what distinguishes the two.
        """
        cell = self.summary.cell
        counts = {
            "eval_every": not rule.startswith("last"),
            **dict.fromkeys(("validation", "validation_features"), self._validated(rule)),
            "select": rule == PEEK_GAMMA,  # runs of every selection have numbers by this rule
        }
        values = {name: getattr(cell, name) for name in CHOICES if again or counts.get(name)}
        return {**values, "validation": values["validation"][:8]} if values.get("validation") else values

    def label(self, rule: str) -> str:
        """Return the row's label among numbers by a rule: it says if fine-tuning saw what chose them."""
        saw = self._validated(rule) and finetuning_note(self.summary.task.notes)
        return f"{self.row}, {SAW_VALIDATION}" if saw else self.row

    def _validated(self, rule: str) -> bool:
        """Return whether validation decides numbers by the rule."""
        cell = self.summary.cell
        stops_early = cell.params.get(EPOCHS_RULE) == "early-stopping"
        in_training = rule == PEEK_GAMMA and cell.select == "val"
        return rule.startswith("val") or CALIBRATED in rule or stops_early or in_training


def read_entries(roots: Iterable[Path]) -> list[Entry]:
    """Return the runs in results folders; of runs with one id, the last counts."""
    found: dict[str, Entry] = {}
    for store in map(Store, roots):
        for summary in read_summaries(store):
            try:
                if summary.other_task is not None:
                    raise StoreError(summary.other_task)
                found[summary.id] = entry_of(summary, store.run(summary.id))
            except Exception as error:  # a record from elsewhere must not hide the others
                what = f"left out: {summary.id}: {type(error).__name__}: {error}"
                warnings.warn(what, DamagedRecordWarning, stacklevel=2)
    return list(found.values())


def entry_of(summary: Summary, folder: RunFolder) -> Entry:
    """Return the entry of a run."""
    cell = summary.cell
    if cell.external is not None:
        return Entry(summary, folder, f"{cell.external.name} (external)", {})
    row = cell.method
    if cell.code is not None:
        row += f", unpackaged code {cell.code[:8]}"
    if cell.head not in (None, SOFTMAX):
        row += f", with {cell.head}"
    if cell.precision != "fp32":
        row += f", in {cell.precision}"
    if cell.eval_repeats != 1:
        row += f", mean of {cell.eval_repeats} evaluations"
    if summary.control:
        row += f", control: {summary.control}"
    return Entry(summary, folder, row, changes_of(summary))


def changes_of(summary: Summary) -> dict[str, Any]:
    """Return what differs from the presets, see ``Entry.changes``."""
    cell = summary.cell
    dataset, semantics = summary.task.dataset, summary.task.semantics.partition(SHUFFLED)[0]
    changes: dict[str, Any] = {}
    for kind, name, prefix, params, own in (
        ("method", cell.method, "", cell.params, ("preprocessing", "version")),
        ("head", cell.head, HEAD, cell.head_params, ("version",)),
    ):
        if name in (None, SOFTMAX):  # the softmax head has neither parameters nor a version
            continue
        registered = plugins().unpackaged.get(cell.method)
        if kind == "head" or cell.code is None:
            spec, known = _installed(kind, name, dataset, semantics)
        elif registered is not None and registered.code == cell.code:
            spec, known = registered, preset_values(registered, dataset, semantics)
        else:
            spec, known = None, {}
        changes |= {prefix + key: value for key, value in params.items() if known.get(key, _ABSENT) != value}
        for field in own:
            in_cell = f"{kind}_version" if field == "version" else field
            if getattr(cell, in_cell) != getattr(spec, field, None):
                changes[in_cell] = getattr(cell, in_cell)
    return changes


@cache
def _installed(kind: str, name: str, dataset: str, semantics: str) -> tuple[Any, Mapping[str, Any]]:
    """Return the spec and its preset; None and no preset if it is not installed or cannot be loaded."""
    try:
        spec = plugins().method(name) if kind == "method" else plugins().head(name)
        return spec, preset_values(spec, dataset, semantics)
    except GzslBenchError:
        return None, {}


@dataclass(frozen=True)
class Estimate:
    """A mean over ``n`` seeds.

    ``std`` has n - 1 in the denominator; it is None with one seed. ``interval`` is Student's, cut to 0..100,
    which assumes that seeds are normally distributed; it is None below MIN_SEEDS seeds.
    """

    mean: float
    std: float | None
    interval: tuple[float, float] | None
    n: int


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of ``values`` in percent, one per seed and at least one, with spread and interval."""
    mean, n = fmean(values), len(values)
    std = stdev(values) if n > 1 else None
    if std is None or n < MIN_SEEDS:
        return Estimate(mean, std, None, n)
    from scipy.special import stdtrit  # much faster to import than scipy.stats

    half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * std / n**0.5
    return Estimate(mean, std, (max(0.0, mean - half), min(100.0, mean + half)), n)


@dataclass(frozen=True)
class Score:
    """One metric of one row on one dataset.

    Attributes:
        values: By seed, in percent, as ``entries``.
        rule: The selection rule of the values.
        metric: What they measure: U, S, H, T1 or AUSUC.
        best: Whether its mean is the highest of a column of several; of equal means the first. A single seed
            of a method that a seed changes counts only if the column has nothing else.
        second: Whether its mean is the second highest by this rule.
        class_interval: The 95 % interval over classes of the mean over the seeds; None if it was not asked
            for, without predictions by the rule, and with too few classes.
        probability: That a difference to the best as large as this one is chance, with Holm's correction
            over the column; None for the best, and if the test says nothing.
        detectable: The smallest true difference to the best, in points, that the test finds with a
            probability of 80 %, at 5 % over the number of tests in the column; None as ``probability``.
    """

    values: Mapping[int, float]
    estimate: Estimate
    entries: Sequence[Entry]
    rule: str
    metric: str
    best: bool = False
    second: bool = False
    class_interval: tuple[float, float] | None = None
    probability: float | None = None
    detectable: float | None = None

    @property
    def method(self) -> str:
        """Name of the runs' method."""
        return self.entries[0].method

    @property
    def is_chance_of_one_seed(self) -> bool:
        """Whether the score is of a single seed, and another seed could give another number.

        No seed changes a closed form, which solves for its weights: a scoring method with 0 epochs.
        """
        summary = self.entries[0].summary
        return self.estimate.n == 1 and not (
            summary.cell.head is None and summary.metrics[self.rule].epoch == 0
        )

    @property
    def tied(self) -> bool:
        """Whether the test finds no significant difference to the best."""
        return self.probability is not None and self.probability >= SIGNIFICANCE

    @property
    def costs(self) -> dict[str, Any]:
        """Mean time to train and evaluate, number of trained parameters, largest peak memory of the runs."""
        return {
            "seconds": fmean(entry.summary.run.seconds for entry in self.entries),
            "parameters": self.entries[0].summary.parameters,
            "peak_memory_bytes": max(int(entry.summary.run.peak_memory_bytes or 0) for entry in self.entries),
        }


def make_score(
    entries: Sequence[Entry], rule: str, metric: str, classes: StoredClasses | None = None
) -> Score:
    """Return the score of one row's runs on one dataset, one run per seed; ``classes`` add an interval."""
    values = {entry.seed: getattr(entry.summary.metrics[rule], metric) for entry in entries}
    interval = None if classes is None else classes.intervals(entries, rule).get(metric)
    return Score(values, estimate(list(values.values())), entries, rule, metric, class_interval=interval)


def compare_column(column: Mapping[Key, Score], test: Test) -> dict[Key, Score]:
    """Mark the best and the second best scores of a column, given by row; test all against the best.

    Equal scores have the same mark. Single seeds of methods that a seed changes come last.
    """
    if len(column) < 2:  # a single score is not the best of anything
        return dict(column)

    def order(row: Key) -> tuple[bool, float]:
        return column[row].is_chance_of_one_seed, -column[row].estimate.mean

    ranks, best = sorted({order(row) for row in column}), min(column, key=order)
    outcomes = {row: test(column[best], score) for row, score in column.items() if row != best}
    found = {row: outcome for row, outcome in outcomes.items() if outcome is not None}
    corrected = holm({row: outcome.probability for row, outcome in found.items()})
    marked = {
        row: replace(score, best=order(row) == ranks[0], second=[order(row)] == ranks[1:2])
        for row, score in column.items()
    }
    level = SIGNIFICANCE / max(1, len(found))  # what Holm's correction asks of the lowest probability
    for row, outcome in found.items():
        detectable = outcome.detectable(level)
        marked[row] = replace(marked[row], probability=corrected[row], detectable=detectable)
    return marked


def default_rule(entries: Iterable[Entry], calibrated: bool = False) -> str:
    """Return ``last``, or ``val`` if the runs have only that; if ``calibrated``, the rule of this ending."""
    known = {rule for entry in entries for rule in entry.summary.metrics}
    rules = [rule + CALIBRATED * calibrated for rule in ("last", "val")]
    return next((rule for rule in rules if rule in known), rules[0])


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
            left_out[f"no numbers by {rule}, only by {', '.join(entry.summary.metrics)}"] += 1
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
        numbers = tuple(getattr(entry.summary.metrics[rule], name) for name in PERCENTAGES)
        rows[entry.label(rule), entry.changes_text][entry.dataset][entry.seed, numbers] = entry
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
