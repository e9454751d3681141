from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix as sklearn_matrix

from gzslbench.evaluation.metrics import class_accuracies, confusion_matrix, metrics_of

NAMES = ("cat", "dog", "fox", "owl", "bee")


def test_the_matrix_of_a_table_worked_by_hand(table):
    expected = np.zeros((5, 5), int)
    for true, predicted in [(0, 0), (0, 0), (0, 2), (1, 3), (3, 0), (3, 3), (4, 4)]:
        expected[true, predicted] += 1
    assert np.array_equal(confusion_matrix(table), expected)


@given(st.data())
def test_it_equals_that_of_scikit_learn(any_scored, data):
    predictions = data.draw(any_scored).predictions
    oracle = sklearn_matrix(
        predictions.labels, predictions.predicted, labels=np.arange(len(predictions.seen))
    )
    assert np.array_equal(confusion_matrix(predictions), oracle)


def test_each_class_has_its_name_rows_and_accuracy(table):
    classes = class_accuracies(table, NAMES)
    assert [c.name for c in classes] == list(NAMES)
    assert [c.rows for c in classes] == [3, 1, 0, 2, 1]
    assert [c.seen for c in classes] == [True, True, True, False, False]
    assert classes[0].accuracy == pytest.approx(200 / 3)
    assert [c.accuracy for c in classes[1:]] == [0, None, 50, 100]


@given(st.data())
def test_their_means_are_u_and_s(any_scored, data):
    predictions = data.draw(any_scored).predictions
    classes = class_accuracies(predictions, [str(k) for k in range(len(predictions.seen))])
    metrics = metrics_of(predictions)
    for side, expected in ((True, metrics.S), (False, metrics.U)):
        of_side = [c.accuracy for c in classes if c.seen is side and c.accuracy is not None]
        assert np.mean(of_side) == pytest.approx(expected)


def test_a_name_too_few_is_refused(table):
    with pytest.raises(ValueError, match="zip"):
        class_accuracies(table, NAMES[:4])
