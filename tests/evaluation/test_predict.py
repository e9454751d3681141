from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.evaluation.evaluator import predict


def distinct(rows: int, classes: int) -> torch.Tensor:
    """Scores without ties, exact in float32."""
    random = np.random.default_rng(rows * classes)
    return torch.from_numpy(random.permutation(rows * classes).reshape(rows, classes).astype(np.float32))


@given(st.data())
def test_predictions_equal_those_of_a_plain_loop(any_scored, data):
    scored = data.draw(any_scored)
    predictions = predict([torch.tensor(scored.scores)], scored.labels, torch.tensor(scored.seen))
    oracle = scored.predictions
    assert np.array_equal(predictions.gap, oracle.gap)
    assert predictions.gap.dtype == np.float32
    for side, mask in (("best_seen", scored.seen), ("best_unseen", ~scored.seen)):
        chosen, rows = getattr(predictions, side), np.arange(len(scored.labels))
        assert mask[chosen].all()
        assert np.array_equal(scored.scores[rows, chosen], scored.scores[rows, getattr(oracle, side)])
    assert np.array_equal(predictions.zsl, predictions.best_unseen[~scored.seen[scored.labels]])


@pytest.mark.parametrize("size", [1, 3, 10, 100])
def test_blocks_of_any_size_give_the_same(size):
    scores, seen = distinct(10, 6), torch.tensor([True, False] * 3)
    labels = np.array([0, 2, 4, 0, 2, 1, 3, 5, 1, 3])
    whole, parts = predict([scores], labels, seen), predict(scores.split(size), labels, seen)
    for name in ("best_seen", "best_unseen", "gap", "zsl"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))


def test_many_more_classes_than_rows():
    scores = distinct(3, 3000)
    seen = torch.arange(3000) < 2990
    predictions = predict([scores], np.array([0, 1, 2999]), seen)
    assert predictions.best_seen.tolist() == scores[:, :2990].argmax(dim=1).tolist()
    assert predictions.best_unseen.tolist() == (scores[:, 2990:].argmax(dim=1) + 2990).tolist()


def test_predictions_of_a_second_head_are_kept():
    zsl = np.array([1])
    predictions = predict([distinct(2, 3)], np.array([0, 2]), torch.tensor([True, False, False]), zsl)
    assert predictions.zsl is zsl


def test_half_precision_scores_are_compared_in_single():
    scores = torch.tensor([[2.0, 1.0]], dtype=torch.bfloat16)
    predictions = predict([scores], np.array([0]), torch.tensor([True, False]))
    assert predictions.gap.tolist() == [1.0]


def test_scores_that_are_no_numbers_leave_a_gap_that_is_none():
    scores = torch.tensor([[np.nan, 1.0], [2.0, 1.0]])
    gap = predict([scores], np.array([0, 1]), torch.tensor([True, False])).gap
    assert np.isnan(gap).tolist() == [True, False]
