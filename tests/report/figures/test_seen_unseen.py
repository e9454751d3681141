from __future__ import annotations

import numpy as np
import pytest

from gzslbench.evaluation.curve import SeenUnseenCurve, seen_unseen_curve
from gzslbench.evaluation.metrics import metrics_of
from gzslbench.report.figures.predictions import seen_unseen_figure


def lines(figure):
    (axes,) = figure.axes
    return {line.get_label(): line.get_xydata() for line in axes.lines}


def test_the_curve_is_drawn_point_by_point_with_its_area(table, beyond):
    curve = seen_unseen_curve(table)
    figure = seen_unseen_figure(curve)
    drawn = lines(figure)["curve of calibrated stacking"]
    assert drawn.tolist() == np.column_stack([curve.U, curve.S]).tolist()
    assert figure.axes[0].get_title(loc="left") == "seen-unseen curve, AUSUC 41.7 %"
    assert figure.axes[0].get_xlabel().startswith("U") and figure.axes[0].get_ylabel().startswith("S")
    assert beyond(figure) == []


def test_the_runs_own_point_and_the_best_one_which_is_chosen_on_test_are_marked(table):
    curve, metrics = seen_unseen_curve(table), metrics_of(table)
    drawn = lines(seen_unseen_figure(curve))
    assert drawn["the run itself: H 28.6"].tolist() == [pytest.approx([metrics.U, metrics.S])]
    assert drawn["best H 46.2: gamma chosen on TEST"].tolist() == [[curve.best.U, curve.best.S]]


def test_every_point_of_the_contour_has_the_harmonic_mean_of_the_run(table):
    U, S = lines(seen_unseen_figure(seen_unseen_curve(table)))["all points of H 28.6"].T
    assert 2 * U * S / (U + S) == pytest.approx(np.full(200, metrics_of(table).H))
    assert S.max() == pytest.approx(100) and U.max() == 100


def test_a_run_that_is_never_right_has_a_curve_and_no_contour():
    nothing = SeenUnseenCurve(np.array([-1.0, np.inf]), np.zeros(2), np.zeros(2))
    drawn = lines(seen_unseen_figure(nothing))
    assert drawn["the run itself: H 0.0"].tolist() == [[0, 0]]
    assert not any(name.startswith("all points") for name in drawn)
