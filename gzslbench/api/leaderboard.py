"""Leaderboards: methods compared by their stored runs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from gzslbench.api.arguments import check_arguments, require_choice
from gzslbench.api.tables import TableView
from gzslbench.errors import ParamError, StoreError
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.registry import plugins
from gzslbench.report.leaderboard import tables as views
from gzslbench.report.leaderboard.board import Board, boards, published_rows
from gzslbench.report.leaderboard.entry import default_rule
from gzslbench.report.leaderboard.references import ReferenceRow
from gzslbench.report.leaderboard.run_filter import RunFilter, make_filter
from gzslbench.report.leaderboard.side_by_side import join_features
from gzslbench.report.leaderboard.significance import OverClasses, OverSeeds
from gzslbench.report.leaderboard.stored_classes import StoredClasses
from gzslbench.report.published import PublishedNumber, all_published_numbers
from gzslbench.report.tables import ResultTable, render
from gzslbench.runs.record import PERCENTAGES

Intervals = Literal["none", "classes", "seeds", "both"]
Select = Literal[
    "last-calibrated", "val-calibrated", "last", "val",
    "test-peek", "test-peek-inner", "test-peek-outer", "test-peek-gamma",
]  # fmt: skip


@dataclass(frozen=True, repr=False)
class Leaderboard(TableView):
    """Tables of methods by datasets; numbers that cannot be compared are in separate tables.

    Attributes:
        boards: The tables, the usual one first.
        left_out: How many runs are in no table, by reason.
        intervals: Which 95 % intervals the tables show.
        costs: Whether they show time, parameters and memory.
        with_published: Whether they show published numbers.
    """

    boards: Sequence[Board]
    left_out: Mapping[str, int]
    intervals: Intervals = "none"
    costs: bool = False
    with_published: bool = False

    @cached_property
    def published(self) -> Sequence[Sequence[ReferenceRow]]:
        """By board, the rows of published numbers."""
        numbers = all_published_numbers() if self.with_published else ()
        return [published_rows(board, numbers) for board in self.boards]

    @property
    def notes(self) -> list[str]:
        """A sentence for each reason why runs are in no table."""
        return views.left_out_notes(self.left_out)

    def rows(self) -> list[dict[str, Any]]:
        """Return a row per score: what it may be compared with, and its numbers."""
        return [line for board in self._as_dicts() for line in views.list_scores(board)]

    def tables(self) -> Sequence[ResultTable]:
        """Return a table per board."""
        return list(self._tables())

    def to_csv(self) -> str:
        """Return ``rows`` as CSV."""
        rows, text = self.rows(), io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]) if rows else ["board"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def to_json(self) -> str:
        """Return everything that the tables show, and the runs behind each number, as JSON."""
        return json.dumps({"boards": self._as_dicts(), "left_out": dict(self.left_out)}, indent=1) + "\n"

    def to_latex(self, caption: str | None = None, label: str | None = None, *, cite: bool = False) -> str:
        r"""Return the tables for a paper: titles for names, no ranks; needs booktabs and graphicx.

        Args:
            caption: The caption. Default: what the numbers are.
            label: The name for ``\ref``; that of the second table ends in ``-2``.
            cite: Cite the methods; ``bibliography`` has the references.
        """
        return "\n".join(
            render(table, "latex", caption=caption, label=label and label + f"-{number}" * (number > 1))
            for number, table in enumerate(self._tables(self._papers, cite), start=1)
        )

    def bibliography(self) -> str:
        """Return the references of the methods as the text of a .bib file."""
        methods = sorted({row.method for board in self.boards for row in board.rows})
        return views.bibliography({name: self._papers[name] for name in methods if name in self._papers})

    @cached_property
    def _papers(self) -> dict[str, MethodSpec | PublishedNumber]:
        return {**{number.method: number for number in all_published_numbers()}, **plugins().methods()}

    def _as_dicts(self) -> list[dict[str, Any]]:
        return list(map(views.board_as_dict, self.boards, self.published))

    def _tables(self, papers: views.Papers | None = None, cite: bool = False) -> Iterator[ResultTable]:
        for board, rows in zip(self.boards, self.published, strict=True):
            yield views.leaderboard_table(
                board, rows, intervals=self.intervals, costs=self.costs, papers=papers, cite=cite
            )


@check_arguments
def leaderboard(
    *folders: str | Path,
    select: Select | None = None,
    calibrated: bool = False,
    metric: str | Sequence[str] = ("T1", "U", "S", "H"),
    datasets: str | Sequence[str] = (),
    methods: str | Sequence[str] = (),
    without: str | Sequence[str] = (),
    intervals: Intervals | None = None,
    test: Literal["seeds", "classes"] = "seeds",
    with_published: bool = False,
    any_parameters: bool = False,
    any_features: bool = False,
    costs: bool = False,
) -> Leaderboard:
    """Compare methods by the runs in one or more folders, ``results`` by default.

    Args:
        *folders: The folders of runs.
        select: The rule that chose the epoch, and gamma if it is calibrated. The test-peek rules choose on
            the test set: use them only to compare with papers that did so. Default: ``last``, or ``val`` if
            the runs have only that.
        calibrated: Short for ``select="last-calibrated"``, or ``val-calibrated`` if the runs have only that.
        metric: The metric, or the metrics, to show, in percent. Rows are in the order of H, or of the first.
        datasets: Only runs on these datasets.
        methods: Only runs of these methods.
        without: Leave out runs whose id begins like this.
        intervals: Show 95 % intervals over seeds, over test classes, or both.
        test: Whether a row is worse than the best is tested over seeds or over test classes.
        with_published: Add published numbers with the same features and semantics.
        any_parameters: Put runs whose parameters differ from the presets into the same tables.
        any_features: Put runs on other features, semantics and settings into the same table if they have
            the same split; each row says what it used.
        costs: Add time, trained parameters and peak memory.

    Raises:
        StoreError: There are no such runs.
        ParamError: An argument is unknown, or two of them contradict each other.
    """
    runs = make_filter(folders, datasets, methods, without)
    require_choice("select", select, (None, *get_args(Select)))
    if calibrated and select is not None:
        what = f"calibrated=True chooses the rule, and select={select!r} another one"
        raise ParamError(what, where="calibrated", fix="give only select")
    metrics = (metric,) if isinstance(metric, str) else tuple(metric)
    for name in metrics or (None,):
        require_choice("metric", name, PERCENTAGES)
    require_choice("intervals", intervals, (None, *get_args(Intervals)))
    require_choice("test", test, ("seeds", "classes"))
    tables = {"any_parameters": any_parameters, "any_features": any_features, "calibrated": calibrated}
    shown = {"with_published": with_published, "costs": costs}
    return make_leaderboard(runs, select, metrics, intervals, test, **tables, **shown)


def make_leaderboard(
    runs: RunFilter,
    rule: str | None,
    metrics: Sequence[str],
    intervals: Intervals | None,
    over: str,
    *,
    with_published: bool,
    any_parameters: bool,
    any_features: bool,
    costs: bool,
    calibrated: bool = False,
) -> Leaderboard:
    """Read the runs, and put those with a number by ``rule`` into tables; ``over`` is what is tested over."""
    entries = runs.read()
    rule = rule or default_rule(entries, calibrated)
    entries = join_features(entries) if any_features else entries
    if over == "classes" and rule.startswith("test"):
        what = f"--test classes needs predictions, and runs store none by {rule}"
        raise ParamError(what, where="--test", fix="choose another --select")
    classes = StoredClasses()
    test = OverClasses(classes) if over == "classes" else OverSeeds()
    metrics = tuple(dict.fromkeys(metrics))
    metric = "H" if "H" in metrics else metrics[0]
    intervals = intervals or ("seeds" if len(metrics) == 1 else "none")
    wanted = classes if intervals in ("classes", "both") else None
    found, left_out = boards(entries, rule, metric, test, metrics, wanted, any_parameters=any_parameters)
    if not found and entries:
        stored = dict.fromkeys(name for entry in entries for name in entry.summary.metrics)
        what = "; ".join(["no runs to compare", *views.left_out_notes(left_out)])
        where = ", ".join(map(str, runs.results))
        fix = f"choose a rule that the runs have, with --select: {', '.join(stored)}"
        raise StoreError(what, where=where, fix=fix)
    if not found:
        raise runs.no_runs("; ".join(["no runs to compare", *views.left_out_notes(left_out)]))
    return Leaderboard(found, left_out, intervals, costs, with_published)
