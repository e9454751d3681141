from __future__ import annotations

from dataclasses import replace

import pytest

from gzslbench.report.leaderboard.board import boards, published_rows, why_not_comparable
from gzslbench.report.published import PublishedNumber

SOURCE = "a page (selection unknown, calibration unknown)"


def number(**changes):
    values = {"method": "ce-gzsl", "title": "CE-GZSL", "dataset": "AWA2", "semantics": "att"}
    return PublishedNumber(**{**values, "source": "a page", "verified": "seen", "H": 70.0, **changes})


@pytest.fixture
def board(entry):
    peeking = entry(H=60.0, seed=1)
    peeking.summary.metrics["test-peek"] = replace(peeking.summary.metrics["last"], H=66.0, U=33.0)
    (found,), _ = boards([peeking, entry("sae", H=10.0)], "last", "H")
    return found


def test_a_published_number_is_next_to_ours_chosen_the_same_way(board):
    rows = published_rows(board, [number(), number(dataset="CUB"), number(method="other", title="Other")])
    assert [(row.title, row.sources, row.values) for row in rows] == [
        ("CE-GZSL, published", [SOURCE], {"AWA2": {"H": 70.0}}),
        ("ce-gzsl, best epoch on test", [], {"AWA2": {"H": 66.0}}),
    ]


def test_a_rerun_by_others_is_a_row_of_its_own(board):
    rows = published_rows(board, [number(), number(label="rerun", H=69.0)])
    assert [row.sources for row in rows[:2]] == [[SOURCE], ["rerun", SOURCE]]


def test_published_rows_have_the_metrics_of_the_table(entry):
    peeking = entry(H=60.0)
    peeking.summary.metrics["test-peek"] = replace(peeking.summary.metrics["last"], H=66.0, U=33.0)
    (board,), _ = boards([peeking], "last", "H", metrics=("T1", "U", "H"))
    published, peeked = published_rows(board, [number(U=60.0), number(H=10.0, T1=50.0, source="another")])
    assert published.values == {"AWA2": {"U": 60.0, "H": 70.0}}  # of one source only
    assert published.sources == [SOURCE]
    assert peeked.values == {"AWA2": {"T1": 60.0, "U": 33.0, "H": 66.0}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"semantics": "sent"}, "semantics sent, not att"),
        ({"features": "own"}, "features own, not res101"),
        ({"setting": "transductive"}, "setting transductive, not inductive"),
        ({"finetuned": True}, "features fine-tuned"),
        ({"dataset": "CUB"}, "another dataset"),
        ({"semantics": "unknown"}, None),
        ({}, None),
    ],
)
def test_only_comparable_numbers_are_shown(board, changes, words):
    assert why_not_comparable(number(**changes), board) == words
    assert bool(published_rows(board, [number(**changes)])) == (words is None)


def test_a_metric_without_published_numbers_adds_no_row(entry):
    (board,), _ = boards([entry()], "last", "U")
    assert published_rows(board, [number()]) == []


def test_numbers_of_the_published_features_are_not_beside_fine_tuned_ones(entry):
    data = {"pretraining": "imagenet-1k, fine-tuned on trainval"}
    (found,), _ = boards([entry(data=data)], "last", "H")
    assert why_not_comparable(number(), found) == "features fine-tuned"
    assert not published_rows(found, [number()])
