"""External results next to the tables: never ranked, and each one visible."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gzslbench.report.leaderboard.board import boards
from gzslbench.report.leaderboard.entry import entry_of
from gzslbench.runs.cell import External
from gzslbench.runs.record import RunMetrics


@pytest.fixture
def external(entry):
    """An external result on the task of ``entry``."""

    def make(
        H=99.0, seed=0, predictions="0", name="My net", selection="last epoch", pretraining="unknown", T1=50.0
    ):
        made = entry(H=H, seed=seed)
        summary = made.summary
        stated = External(name, predictions * 64, "inductive", selection, pretraining)
        cell = replace(summary.cell, method="external-my-net", external=stated, select="external")
        numbers = RunMetrics(U=H, S=H, H=H, T1=T1, AUSUC=None, epoch=0, head_epoch=0)
        task = replace(summary.task, pretraining=pretraining)
        metrics = {"external": numbers}
        changed = replace(summary, id=cell.id, cell=cell, task=task, selection="external", metrics=metrics)
        return entry_of(changed, made.folder)

    return make


@pytest.mark.parametrize("rule", ["last", "test-peek"])
def test_a_stated_selection_stands_below_the_runs_by_each_rule(entry, external, rule):
    ((board,), left_out) = boards([entry(H=40.0, rule=rule), external()], rule, "H", metrics=("H", "T1"))
    assert [row.label for row in board.rows] == ["ce-gzsl"]
    assert not board.rows[0].scores["AWA2"].second
    assert [row.title for row in board.external] == ["My net (external)"]
    assert board.external[0].values == {"AWA2": {"H": 99.0, "T1": 50.0}}
    assert not left_out


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"selection": "unknown"}, "their selection is unknown"),
        ({"pretraining": "imagenet-21k"}, "no run here can be compared with them"),
    ],
)
def test_what_cannot_be_compared_has_a_table_of_its_own_at_the_end(entry, external, changes, why):
    (ours, theirs), _ = boards([external(**changes), entry()], "last", "H")
    assert not ours.external
    assert (theirs.rows, theirs.ranking) == ([], None)
    assert why in theirs.reason


def test_without_runs_external_results_are_shown(external):
    (board,), _ = boards([external()], "val", "H")
    assert [row.title for row in board.external] == ["My net (external)"]


def test_seeds_are_averaged_and_two_results_of_one_seed_are_two_rows(external):
    seeds = [external(H=H, seed=seed, predictions=str(seed)) for H, seed in ((50.0, 1), (60.0, 2))]
    (board,), _ = boards(seeds, "last", "H")
    assert board.external[0].values == {"AWA2": {"H": 55.0}}
    (board,), _ = boards([*seeds, external(H=10.0, seed=2, predictions="9")], "last", "H")
    assert sorted(row.values["AWA2"]["H"] for row in board.external) == [10.0, 50.0, 60.0]
    assert len({row.title for row in board.external}) == 3


def test_a_metric_that_one_seed_lacks_has_no_mean(external):
    (board,), _ = boards([external(T1=None), external(seed=1)], "last", "H", metrics=("H", "T1"))
    assert board.external[0].values == {"AWA2": {"H": 99.0}}
