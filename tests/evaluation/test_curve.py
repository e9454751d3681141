from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.evaluation.curve import seen_unseen_curve
from gzslbench.evaluation.metrics import metrics_of
from gzslbench.evaluation.predictions import Predictions


def point_by_loop(predictions: Predictions, gamma: float) -> tuple[float, float]:
    """(S, U) when gamma is subtracted from every seen score, row by row."""
    right: dict[int, list[bool]] = {}
    for i, label in enumerate(predictions.labels.tolist()):
        to_seen = predictions.gap[i] - gamma >= 0
        predicted = predictions.best_seen[i] if to_seen else predictions.best_unseen[i]
        right.setdefault(label, []).append(predicted == label)
    accuracy = {True: [], False: []}
    for label, hits in right.items():
        accuracy[bool(predictions.seen[label])].append(sum(hits) / len(hits))
    return tuple(100 * sum(of) / len(of) for of in (accuracy[True], accuracy[False]))


def points_by_brute_force(predictions: Predictions) -> list[tuple[float, float]]:
    """(S, U) at every gap, between all neighbours, and beyond both ends."""
    gaps = sorted(set(predictions.gap.tolist()))
    between = [(a + b) / 2 for a, b in pairwise(gaps)]
    return [point_by_loop(predictions, gamma) for gamma in sorted([-np.inf, *gaps, *between, np.inf])]


def rounded(points) -> set[tuple[float, float]]:
    return {(round(float(S), 8) + 0.0, round(float(U), 8) + 0.0) for S, U in points}


def test_the_curve_of_a_table_worked_by_hand(table):
    curve = seen_unseen_curve(table)
    # Rows 0, 1, 3 (seen) and 4, 5, 6 (unseen) can be right; row 2 never is.
    assert curve.gamma.tolist() == [-2, -1, -0.5, 0, 1, 2, np.inf]
    assert curve.S == pytest.approx([500 / 6, 500 / 6, 200 / 6, 200 / 6, 100 / 6, 100 / 6, 0])
    assert curve.U == pytest.approx([0, 25, 25, 75, 75, 100, 100])
    assert curve.area == pytest.approx((25 * 500 / 6 + 50 * 200 / 6 + 25 * 100 / 6) / 100)
    assert curve.best.gamma == 0
    assert curve.best.H == pytest.approx(600 / 13)


def test_rows_of_one_gap_change_sides_together(table):
    tied = replace(table, gap=np.zeros(7, np.float32))
    curve = seen_unseen_curve(tied)
    assert len(curve.gamma) == 2
    assert curve.area == pytest.approx(100 * 5 / 6 / 2)


def test_a_perfect_separation_has_the_whole_area(table):
    seen = table.seen[table.labels]
    perfect = replace(
        table,
        best_seen=np.where(seen, table.labels, 0),
        best_unseen=np.where(seen, 3, table.labels),
        gap=np.where(seen, 1, -1).astype(np.float32),
    )
    assert seen_unseen_curve(perfect).area == pytest.approx(100)
    assert metrics_of(perfect).AUSUC == pytest.approx(100)


def test_without_any_right_class_the_area_is_zero(table):
    wrong = replace(table, best_seen=np.full(7, 2), best_unseen=np.array([3, 3, 4, 3, 4, 4, 3]))
    curve = seen_unseen_curve(wrong)
    assert curve.area == 0
    assert curve.best.H == 0


@given(st.data())
def test_every_point_and_no_other_is_one_of_brute_force_over_gamma(any_scored, data):
    predictions = data.draw(any_scored).predictions
    curve = seen_unseen_curve(predictions)
    assert rounded(zip(curve.S, curve.U, strict=True)) == rounded(points_by_brute_force(predictions))
    for gamma, S, U in zip(curve.gamma, curve.S, curve.U, strict=True):
        assert (S, U) == pytest.approx(point_by_loop(predictions, gamma))


@given(st.data())
def test_the_area_is_that_under_the_points_of_brute_force(any_scored, data):
    predictions = data.draw(any_scored).predictions
    points = points_by_brute_force(predictions)
    area = sum((U2 - U1) * (S1 + S2) / 2 for (S1, U1), (S2, U2) in pairwise(points))
    assert seen_unseen_curve(predictions).area == pytest.approx(area / 100)


@given(st.data())
def test_it_falls_from_only_seen_to_only_unseen_in_the_unit_square(any_scored, data):
    predictions = data.draw(any_scored).predictions
    curve = seen_unseen_curve(predictions)
    assert (np.diff(curve.gamma) > 0).all()
    assert (np.diff(curve.S) <= 0).all()
    assert (np.diff(curve.U) >= 0).all()
    assert curve.U[0] == 0
    assert curve.S[-1] == 0
    assert 0 <= curve.area <= curve.S[0] * curve.U[-1] / 100 + 1e-9
    assert max(curve.S[0], curve.U[-1]) <= 100


@given(st.data(), st.integers(-8, 8))
def test_a_constant_on_all_scores_changes_nothing(any_scored, data, constant):
    scored = data.draw(any_scored)
    moved = seen_unseen_curve(replace(scored, scores=scored.scores + constant).predictions)
    curve = seen_unseen_curve(scored.predictions)
    for name in ("gamma", "S", "U"):
        assert np.array_equal(getattr(moved, name), getattr(curve, name))


@given(st.data(), st.integers(-8, 8))
def test_a_constant_on_the_seen_scores_only_shifts_gamma(any_scored, data, constant):
    scored = data.draw(any_scored)
    moved = seen_unseen_curve(replace(scored, scores=scored.scores + constant * scored.seen).predictions)
    curve = seen_unseen_curve(scored.predictions)
    assert moved.area == curve.area
    assert moved.gamma.tolist() == (curve.gamma + constant).tolist()


@given(st.data())
def test_the_best_point_is_at_least_as_good_as_the_uncalibrated_one(any_scored, data):
    predictions = data.draw(any_scored).predictions
    curve = seen_unseen_curve(predictions)
    assert curve.best.H >= metrics_of(predictions).H - 1e-9
    assert (curve.best.S, curve.best.U) == pytest.approx(point_by_loop(predictions, curve.best.gamma))


@given(st.data(), st.integers(2, 4))
def test_repeating_every_test_row_changes_no_number(any_scored, data, times):
    scored = data.draw(any_scored)
    repeated = replace(scored, scores=scored.scores.repeat(times, axis=0), labels=scored.labels.repeat(times))
    before, after = metrics_of(scored.predictions), metrics_of(repeated.predictions)
    assert after.as_dict() == pytest.approx(before.as_dict())
