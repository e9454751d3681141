"""Every field of a cell has its place in a leaderboard: no score averages numbers of different programs."""

from __future__ import annotations

from dataclasses import fields

import pytest

from gzslbench.errors import StoreError
from gzslbench.report.leaderboard.board import boards
from gzslbench.report.leaderboard.entry import CELL_FIELDS, changes_of, entry_of
from gzslbench.runs.cell import Cell, External

OTHER = {
    "method": "sae",
    "method_version": 9,
    "dataset": "CUB",
    "task": "AWA2/res101/att/ps-9",
    "preprocessing": "l2",
    "params": {"epochs": 3},
    "head": "another",
    "head_version": 9,
    "head_params": {"C": 2.0},
    "select": "val",
    "validation": "f" * 64,
    "validation_features": "net_finetuned",
    "eval_every": 5,
    "device": "cuda",
    "precision": "bf16",
    "deterministic": True,
    "protocol": 2,
    "eval_repeats": 5,
    "calibrate": "val",
    "control": "oracle",
    "external": External("My net", "0" * 64, "inductive"),
    "code": "c" * 64,
}
"""For every field of a cell a value that no other run has."""
NAMES = [field.name for field in fields(Cell)]
AVERAGED = ("average", "rule")


def scores(*entries, rule="last"):
    return [
        score
        for board in boards(entries, rule, "H")[0]
        for row in board.rows
        for score in row.scores.values()
    ]


def test_every_field_of_a_cell_has_a_declared_place():
    differ = set(NAMES) ^ set(CELL_FIELDS)
    assert not differ, f"say in CELL_FIELDS where these count in a leaderboard, and only these: {differ}"
    known = {"label", "change", "table", "choice"}
    assert all(place in known or ": " in place for place in CELL_FIELDS.values()), "a reason is missing"


def again(made):
    return entry_of(made.summary, made.folder)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "seed"])
def test_a_field_divides_the_seeds_of_a_row_as_declared(entry, name):
    place, value = CELL_FIELDS[name], OTHER[name]
    rule = "test-peek-gamma" if name == "select" else "val" if place == "choice" else "last"
    usual = again(entry(seed=1, rule=rule, cell={"head": "zlap"}))
    # The task is also described next to the cell, and that is where tables look.
    described = {"dataset": value} if name == "dataset" else {"task": value} if name == "task" else {}
    other = again(entry(H=90.0, seed=2, rule=rule, cell={"head": "zlap", name: value}, **described))
    counts = [score.estimate.n for score in scores(usual, other, rule=rule)]
    assert max(counts) == (2 if place.startswith(AVERAGED) else 1)


def test_what_decides_a_choice_of_epochs_does_not_divide_the_last_epoch(entry):
    other = {"eval_every": 5, "validation": "f" * 64}
    (score,) = scores(entry(seed=1), entry(seed=2, cell=other))
    assert score.estimate.n == 2


def test_peeks_after_other_epochs_are_rows_that_say_so(entry):
    runs = [entry(seed=seed, rule="test-peek", cell={"eval_every": seed}) for seed in (1, 2)]
    ((board,), _) = boards(runs, "test-peek", "H")
    assert sorted(row.label for row in board.rows) == ["ce-gzsl, eval_every=1", "ce-gzsl, eval_every=2"]


def test_gamma_chosen_on_test_at_epochs_of_different_selections_is_in_rows_of_its_own(entry):
    runs = [
        entry(H=H, seed=seed, rule="test-peek-gamma", cell={"select": select})
        for H, seed, select in ((50.0, 1, "last"), (60.0, 2, "val"), (70.0, 1, "val"))
    ]
    ((board,), _) = boards(runs, "test-peek-gamma", "H")
    found = {row.label: row.scores["AWA2"].values for row in board.rows}
    assert found == {"ce-gzsl, select=last": {1: 50.0}, "ce-gzsl, select=val": {1: 70.0, 2: 60.0}}


def test_another_calendar_on_another_dataset_leaves_one_row(entry):
    runs = [
        entry(dataset=name, rule="test-peek", cell={"eval_every": every})
        for name, every in (("AWA2", 1), ("CUB", 2))
    ]
    ((board,), _) = boards(runs, "test-peek", "H")
    assert [row.label for row in board.rows] == ["ce-gzsl"]


def test_early_stopping_divides_the_last_epoch_by_validation_split(entry):
    stops = {"params": {"epochs_rule": "early-stopping"}}
    runs = [entry(seed=seed, cell={**stops, "validation": name * 64}) for seed, name in enumerate("ab")]
    assert [score.estimate.n for score in scores(*runs)] == [1, 1]


@pytest.mark.parametrize("name", ["device", "deterministic", "eval_every"])
def test_two_runs_of_one_seed_are_two_rows_if_their_cells_differ(entry, name):
    usual = [entry(H=50.0 + seed, seed=seed) for seed in (1, 2)]
    other = [entry(H=60.0 + seed, seed=seed, cell={name: OTHER[name]}) for seed in (2, 3)]
    ((board,), _) = boards([*usual, *other], "last", "H")
    found = {row.label: row.scores["AWA2"].values for row in board.rows}
    (first, second) = sorted(found.values(), key=min)
    assert (first, second) == ({1: 51.0, 2: 52.0}, {2: 62.0, 3: 63.0})
    assert all(f"ce-gzsl, {name}=" in label for label in found)


def test_two_trainings_of_one_seed_that_nothing_distinguishes_are_an_error_with_both_names(entry):
    # A record of an older version lacks a parameter that the method got since.
    one, other = entry(H=50.0), entry(H=60.0, cell={"head_params": {"new": 1}})
    with pytest.raises(StoreError) as caught:
        boards([one, other], "last", "H")
    assert "seed 0" in caught.value.what
    assert one.summary.id in caught.value.where and other.summary.id in caught.value.where
    assert "--without" in caught.value.fix


def test_runs_of_one_seed_with_equal_numbers_are_one(entry):
    ((board,), _) = boards([entry(), entry(cell={"eval_every": 5}), entry(H=60.0, seed=1)], "last", "H")
    assert board.rows[0].scores["AWA2"].values == {0: 50.0, 1: 60.0}


def test_preprocessing_and_versions_that_are_not_the_method_s_own_are_changes(entry):
    usual = again(entry())
    assert usual.changes == {}
    other = again(entry(cell={"preprocessing": "none", "method_version": 7}))
    assert other.changes == {"preprocessing": "none", "method_version": 7}
    first, second = boards([usual, other], "last", "H")[0]
    assert (first.rows[0].changes, second.rows[0].changes) == ("", "preprocessing=none method_version=7")


def test_the_version_of_another_head_is_a_change_and_that_of_the_softmax_head_is_not_known(entry):
    changes = changes_of(entry(cell={"head": "svm", "head_version": 8}).summary)
    assert changes == {"head_version": 8}


def test_of_a_method_that_is_not_installed_everything_is_a_change(entry):
    changes = changes_of(entry("gone", cell={"params": {"epochs": 2}}).summary)
    assert changes == {"epochs": 2, "preprocessing": "minmax", "method_version": 1}
