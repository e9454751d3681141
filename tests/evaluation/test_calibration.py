from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.evaluation.calibration import (
    bias_of,
    calibrate,
    calibrated_metrics,
    choose_gamma,
    transfer_gamma,
)
from gzslbench.evaluation.curve import CurvePoint, seen_unseen_curve
from gzslbench.evaluation.metrics import metrics_of
from gzslbench.evaluation.selection import GammaChoice


def accuracies_by_loop(scored, gamma):
    """(U, S) from the scores: gamma is subtracted from each seen score, then the best class wins."""
    hits: dict[int, list[bool]] = {}
    for row, label in zip(scored.scores, scored.labels.tolist(), strict=True):
        lowered = [score - gamma if seen else score for score, seen in zip(row, scored.seen, strict=True)]
        # Among equals a seen class wins, then the first.
        best = max(range(len(row)), key=lambda k: (lowered[k], scored.seen[k], -k))
        hits.setdefault(label, []).append(best == label)
    means = {label: np.mean(of) for label, of in hits.items()}
    return [
        100 * float(np.mean([mean for label, mean in means.items() if scored.seen[label] == side]))
        for side in (False, True)
    ]


@given(data=st.data(), gamma=st.integers(-4, 4))
def test_calibrated_metrics_are_those_of_lowered_scores(any_scored, data, gamma):
    scored = data.draw(any_scored)
    predictions = scored.predictions
    plain = metrics_of(predictions)
    found = calibrated_metrics(plain, predictions, gamma)
    U, S = accuracies_by_loop(scored, gamma)
    assert (found.U, found.S) == (pytest.approx(U), pytest.approx(S))
    assert found.H == pytest.approx(2 * U * S / (U + S) if U + S else 0)
    assert (found.T1, found.AUSUC) == (plain.T1, plain.AUSUC)


def test_the_best_point_of_the_curve_is_reached_by_its_gamma(table):
    best = seen_unseen_curve(table).best
    found = calibrated_metrics(metrics_of(table), table, best.gamma)
    assert (found.U, found.S, found.H) == (
        pytest.approx(best.U),
        pytest.approx(best.S),
        pytest.approx(best.H),
    )


def test_without_a_row_that_can_be_right_gamma_is_zero(table):
    wrong = replace(table, labels=np.array([2, 2, 1, 2, 4, 4, 3]))
    assert choose_gamma(seen_unseen_curve(wrong).best, table.gap).gamma == 0


def test_the_quantile_is_the_share_of_training_gaps_below_gamma():
    gaps = np.array([0.5, 1, 2, 3], np.float32)
    assert choose_gamma(CurvePoint(2.0, 40, 60, 48), gaps) == GammaChoice(2.0, 0.5, 48)


def test_gamma_is_averaged_over_splits_as_it_is_and_as_a_quantile():
    choices = [GammaChoice(1.0, 0.2, 50), GammaChoice(3.0, 0.4, 60)]
    gaps = np.arange(11, dtype=np.float32)  # the quantile 0.3 of 0..10 is 3
    assert transfer_gamma(choices, gaps) == {"gamma": 2.0, "quantile": 3.0}


@given(st.floats(0.1, 10), st.integers(0, 2**31))
def test_the_quantile_follows_the_scale_of_the_scores(scale, seed):
    """If the scores of the final model are ``scale`` times those of the other, so is gamma."""
    gaps = np.random.default_rng(seed).normal(size=200)
    choice = choose_gamma(CurvePoint(float(np.float32(0.3)), 50, 50, 50), gaps.astype(np.float32))
    found = transfer_gamma([choice], (scale * gaps).astype(np.float32))
    sorted_gaps = np.sort(gaps * scale)
    assert found["quantile"] == pytest.approx(np.quantile(sorted_gaps, choice.quantile), rel=1e-4, abs=1e-5)
    assert np.mean(scale * gaps < found["quantile"]) == pytest.approx(choice.quantile, abs=0.01)


def test_bias_is_the_share_of_rows_given_to_the_other_side(table):
    # Of three unseen rows, rows 4 and 6 have a gap of at least 0; of four seen rows, row 3 has none.
    expected = [100 * float(np.mean(table.gap[4:] >= 0)), 100 * float(np.mean(table.gap[:4] < 0))]
    assert list(bias_of(table)) == pytest.approx(expected)
    assert bias_of(calibrate(table, 1000)) == (0, 100)
    assert bias_of(calibrate(table, -1000)) == (100, 0)
