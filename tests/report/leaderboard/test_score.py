from __future__ import annotations

import pytest
from scipy.stats import ttest_rel

from gzslbench.report.leaderboard.board import compare_column
from gzslbench.report.leaderboard.entry import make_score
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


def test_an_empty_column_is_empty():
    assert compare_column({}, OverSeeds()) == {}
