from __future__ import annotations

import numpy as np
import pytest

from gzslbench.evaluation.curve import SeenUnseenCurve, seen_unseen_curve
from gzslbench.evaluation.metrics import metrics_of
from gzslbench.evaluation.predictions import Predictions
from gzslbench.report.figures.predictions import (
    RunCurve,
    compare_curves_figure,
    gamma_figure,
    seen_unseen_figure,
)


def lines(figure):
    (axes,) = figure.axes
    return {line.get_label(): line.get_xydata() for line in axes.lines}


def test_the_curve_is_drawn_point_by_point_with_its_area(table, beyond):
    curve = seen_unseen_curve(table)
    figure = seen_unseen_figure(curve)
    drawn = lines(figure)["curve of calibrated stacking"]
    assert drawn.tolist() == np.column_stack([curve.U, curve.S]).tolist()
    assert figure.axes[0].get_title(loc="left") == "Seen-unseen curve: AUSUC 41.7 %"
    assert figure.axes[0].get_xlabel().startswith("U") and figure.axes[0].get_ylabel().startswith("S")
    assert beyond(figure) == []


def test_the_runs_own_point_and_the_best_one_which_is_chosen_on_test_are_marked(table):
    curve, metrics = seen_unseen_curve(table), metrics_of(table)
    drawn = lines(seen_unseen_figure(curve))
    assert drawn["nothing subtracted: H 28.6"].tolist() == [pytest.approx([metrics.U, metrics.S])]
    assert drawn["gamma chosen on TEST: H 46.2"].tolist() == [[curve.best.U, curve.best.S]]


def test_every_point_of_the_contour_has_the_harmonic_mean_of_the_run(table):
    U, S = lines(seen_unseen_figure(seen_unseen_curve(table)))["all points of H 28.6"].T
    assert 2 * U * S / (U + S) == pytest.approx(np.full(200, metrics_of(table).H))
    assert S.max() == pytest.approx(100) and U.max() == 100


def test_a_run_that_is_never_right_has_a_curve_and_no_contour():
    nothing = SeenUnseenCurve(np.array([-1.0, np.inf]), np.zeros(2), np.zeros(2))
    drawn = lines(seen_unseen_figure(nothing))
    assert drawn["nothing subtracted: H 0.0"].tolist() == [[0, 0]]
    assert not any(name.startswith("all points") for name in drawn)


def test_h_is_drawn_against_gamma_and_the_gammas_are_marked_with_how_they_were_chosen(table, beyond):
    curve = seen_unseen_curve(table)
    figure = gamma_figure(curve, chosen=0.25)
    drawn = lines(figure)
    for name in "USH":
        for gamma, value in drawn[name]:
            shifted = Predictions(**{**vars(table), "gap": table.gap - np.float32(gamma)})
            assert value == pytest.approx(getattr(metrics_of(shifted), name))
    marked = {name: points[0].tolist() for name, points in drawn.items() if "H" in name and len(name) > 1}
    chosen = metrics_of(Predictions(**{**vars(table), "gap": table.gap - np.float32(0.25)})).H
    assert marked == {
        "nothing subtracted: H 28.6": pytest.approx([0, metrics_of(table).H]),
        f"gamma chosen on validation classes: H {chosen:.1f}": pytest.approx([0.25, chosen]),
        "gamma chosen on TEST: H 46.2": pytest.approx([curve.best.gamma, curve.best.H]),
    }
    assert beyond(figure) == []


def test_several_methods_are_in_one_plot_the_best_first(table, random_predictions, beyond):
    curves = {name: seen_unseen_curve(random_predictions(20 + at, 8)) for at, name in enumerate("abcdefgh")}
    figure = compare_curves_figure({name: RunCurve(curve) for name, curve in curves.items()}, "CUB")
    named = {name: line for name, line in lines(figure).items() if "AUSUC" in name}
    assert {name.partition(":")[0] for name in named} == set(curves)
    for name, points in named.items():
        curve = curves[name[0]]
        assert points.tolist() == np.column_stack([curve.U, curve.S]).tolist()
    values = [float(name.split()[2].strip(",")) for name in named]
    assert values == sorted(values, reverse=True)
    styles = {
        (line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines if len(line.get_xdata()) > 1
    }
    assert len(styles) >= len(curves)
    assert beyond(figure) == []


def test_intervals_over_classes_are_bars_and_brackets_that_the_legend_names(table, beyond):
    curve = seen_unseen_curve(table)
    intervals = {"U": (10.0, 40.0), "S": (20.0, 60.0), "H": (15.0, 45.0), "AUSUC": None}
    figure = compare_curves_figure({"a": RunCurve(curve, 0.0, intervals), "b": RunCurve(curve)}, "CUB")
    U, S = RunCurve(curve).point
    bars = [line.get_xydata().tolist() for line in figure.axes[0].lines if line.get_linewidth() == 2]
    assert bars == [[[10.0, S], [40.0, S]], [[U, 20.0], [U, 60.0]]]
    (legend,) = figure.legends
    assert "95 % intervals over test classes" in legend.get_title().get_text()
    first, second = (text.get_text() for text in legend.get_texts())
    assert "(15.0 to 45.0), AUSUC" in first and "(" not in second
    assert beyond(figure) == []
    (plain,) = compare_curves_figure({"b": RunCurve(curve)}, "CUB").legends
    assert plain.get_title().get_text() == ""
