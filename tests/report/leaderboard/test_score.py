from __future__ import annotations

from dataclasses import replace

import pytest
from scipy.stats import ttest_rel

from gzslbench.report.leaderboard.entry import compare_column, make_score
from gzslbench.report.leaderboard.significance import OverSeeds

SEEDS = (1, 2, 3, 4)
NUMBERS = {"best": (60, 62, 61, 63), "near": (60, 61, 62, 62), "far": (40, 43, 41, 42), "none": (70, 0, 0, 0)}


@pytest.fixture
def column(entry):
    return compare_column(
        {
            row: make_score(
                [entry(row, H=float(H), seed=seed) for seed, H in zip(SEEDS, values, strict=True)],
                "last",
                "H",
            )
            for row, values in NUMBERS.items()
        },
        OverSeeds(),
    )


def test_the_best_is_marked_and_those_not_significantly_worse(column):
    assert [row for row, item in column.items() if item.best] == ["best"]
    assert {row: item.tied for row, item in column.items()} == {
        "best": False,
        "near": True,
        "far": False,
        "none": True,
    }


def test_probabilities_are_students_by_holm(column):
    plain = sorted((ttest_rel(NUMBERS["best"], NUMBERS[row]).pvalue, row) for row in ("near", "far", "none"))
    for place, (probability, row) in enumerate(plain):
        floor = max(min(1, (3 - at) * plain[at][0]) for at in range(place + 1))
        assert column[row].probability == pytest.approx(floor), (row, probability)


def test_without_three_common_seeds_there_is_no_probability(entry):
    found = compare_column(
        {row: make_score([entry(row, H=H)], "last", "H") for row, H in (("a", 50.0), ("b", 49.0))},
        OverSeeds(),
    )
    assert found["a"].best
    assert (found["b"].probability, found["b"].tied) == (None, False)


def closed_form(entry):
    """The entry with no epoch, as a method has it that solves for its weights."""
    metrics = {rule: replace(found, epoch=0) for rule, found in entry.summary.metrics.items()}
    return replace(entry, summary=replace(entry.summary, metrics=metrics))


def test_a_single_seed_is_never_best_where_others_have_several(entry):
    column = {"lucky": [entry("lucky", H=90.0)], "last": [entry("last", H=10.0)]}
    for row, mean in (("low", 40.0), ("high", 50.0)):
        column[row] = [entry(row, H=mean + seed, seed=seed) for seed in (-1, 1)]
    found = marks(column)
    assert found == {"lucky": "", "last": "", "low": "second", "high": "best"}
    assert marks({row: column[row] for row in ("low", "lucky", "last")}) == {
        "low": "best",
        "lucky": "second",
        "last": "",
    }


def test_a_closed_form_needs_no_other_seed_to_be_best(entry):
    column = {"solved": [closed_form(entry("solved", H=60.0))], "lucky": [entry("lucky", H=90.0)]}
    column["trained"] = [entry("trained", H=50.0 + seed, seed=seed) for seed in (1, 2)]
    assert marks(column) == {"solved": "best", "lucky": "", "trained": "second"}


def test_with_a_head_no_epoch_is_no_closed_form_because_its_features_are_random(entry):
    drawn = closed_form(entry("drawn", H=60.0))
    cell = replace(drawn.summary.cell, head="softmax")
    drawn = replace(drawn, summary=replace(drawn.summary, cell=cell))
    column = {"drawn": [drawn], "trained": [entry("trained", H=50.0, seed=seed) for seed in (1, 2)]}
    assert marks(column) == {"drawn": "second", "trained": "best"}


def marks(column):
    scores = {row: make_score(found, "last", "H") for row, found in column.items()}
    found = compare_column(scores, OverSeeds())
    return {row: "best" if item.best else "second" if item.second else "" for row, item in found.items()}


def test_equal_scores_have_the_same_mark(entry):
    column = {
        row: [entry(row, H=H)] for row, H in (("a", 7.0), ("b", 7.0), ("c", 5.0), ("d", 5.0), ("e", 1.0))
    }
    assert marks(column) == {"a": "best", "b": "best", "c": "second", "d": "second", "e": ""}
    assert marks({row: column[row] for row in "ab"}) == {"a": "best", "b": "best"}


def test_an_empty_column_is_empty():
    assert compare_column({}, OverSeeds()) == {}
