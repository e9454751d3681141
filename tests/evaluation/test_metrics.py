from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.errors import DataError
from gzslbench.evaluation.metrics import harmonic_mean, metrics_of, per_class_accuracy

percent = st.integers(0, 1000).map(lambda tenths: tenths / 10)


def accuracy_by_loop(predicted, labels, classes):
    """Mean over classes of the share of their rows that are right, the plain way."""
    shares = []
    for c in classes:
        right = [p == c for p, label in zip(predicted, labels, strict=True) if label == c]
        if right:
            shares.append(fmean(right))
    return 100 * fmean(shares)


def test_each_class_counts_the_same_however_many_rows_it_has():
    labels = np.array([0] * 9 + [1])
    predicted = np.array([0] * 9 + [0])
    assert per_class_accuracy(predicted, labels, np.array([0, 1])) == 50.0


def test_a_class_without_rows_is_left_out_of_the_mean():
    labels, predicted = np.array([0, 0, 2]), np.array([0, 1, 2])
    assert per_class_accuracy(predicted, labels, np.array([0, 1, 2, 7])) == 75.0


def test_rows_of_other_classes_are_left_out():
    labels, predicted = np.array([0, 3, 3]), np.array([0, 0, 0])
    assert per_class_accuracy(predicted, labels, np.array([0, 1])) == 100.0


def test_no_rows_at_all_is_an_error_and_not_a_nan():
    with pytest.raises(DataError, match="no class to average over has a test row"):
        per_class_accuracy(np.array([], np.int64), np.array([], np.int64), np.array([0, 1]))


@given(st.data())
def test_per_class_accuracy_equals_a_plain_loop(data):
    labels = data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=30))
    predicted = data.draw(st.lists(st.integers(0, 6), min_size=len(labels), max_size=len(labels)))
    classes = data.draw(st.sets(st.integers(0, 8)).filter(lambda chosen: chosen & set(labels)))
    ours = per_class_accuracy(np.array(predicted), np.array(labels), np.array(sorted(classes)))
    assert ours == pytest.approx(accuracy_by_loop(predicted, labels, classes))


@pytest.mark.parametrize(
    ("U", "S", "H"), [(0, 0, 0), (50, 50, 50), (0, 80, 0), (25, 75, 37.5), (65.3, 75.0, 69.8147)]
)
def test_the_harmonic_mean_of_known_pairs(U, S, H):
    assert harmonic_mean(U, S) == pytest.approx(H, abs=1e-4)


@given(percent, percent)
def test_the_harmonic_mean_lies_between_its_arguments_and_below_their_mean(U, S):
    H = harmonic_mean(U, S)
    assert min(U, S) * (1 - 1e-12) <= H <= (U + S) / 2 * (1 + 1e-12)
    assert harmonic_mean(S, U) == H


def test_the_numbers_of_a_table_worked_by_hand(table):
    metrics = metrics_of(table)
    assert metrics.S == pytest.approx(100 / 3)
    assert metrics.U == pytest.approx(75)
    assert metrics.H == pytest.approx(600 / 13)
    assert metrics.T1 == pytest.approx(100)
    assert set(metrics.as_dict()) == {"U", "S", "H", "T1", "AUSUC"}


def test_t1_comes_from_the_predictions_among_unseen_classes(table):
    assert metrics_of(replace(table, zsl=np.array([4, 3, 4]))).T1 == pytest.approx(75)
    assert metrics_of(replace(table, zsl=np.array([4, 4, 3]))).T1 == 0


@given(st.data())
def test_the_numbers_equal_those_read_off_the_scores_by_a_plain_loop(any_scored, data):
    scored = data.draw(any_scored)
    metrics = metrics_of(scored.predictions)
    sides = {side: [k for k, s in enumerate(scored.seen) if s == side] for side in (True, False)}
    order = sides[True] + sides[False]  # a gap of zero goes to the seen class
    predicted = [max(order, key=lambda k, row=row: row[k]) for row in scored.scores]
    among_unseen = [max(sides[False], key=lambda k, row=row: row[k]) for row in scored.scores]
    assert metrics.S == pytest.approx(accuracy_by_loop(predicted, scored.labels, sides[True]))
    assert metrics.U == pytest.approx(accuracy_by_loop(predicted, scored.labels, sides[False]))
    assert metrics.T1 == pytest.approx(accuracy_by_loop(among_unseen, scored.labels, sides[False]))
    assert metrics.U - 1e-9 <= metrics.T1 <= 100


@pytest.mark.acceptance
def test_the_modules_that_read_a_stored_record_import_no_torch():
    modules = ("metrics", "curve", "selection", "predictions")
    imports = "; ".join(f"import gzslbench.evaluation.{name}" for name in modules)
    code = f"{imports}; import sys; sys.exit('torch' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
