from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzslbench.evaluation.curve import SeenUnseenCurve, seen_unseen_curve
from gzslbench.evaluation.metrics import metrics_of
from gzslbench.report.printing import make_console
from gzslbench.report.terminal.predictions import (
    AS_PREDICTED,
    BEST,
    CHOSEN,
    CURVE_POINTS,
    curve_json,
    curve_table,
)


def lines(curve: SeenUnseenCurve, chosen: float | None = None) -> list[str]:
    terminal = make_console()
    with terminal.capture() as printed:
        terminal.print(curve_table(curve, chosen))
    return [line.strip() for line in printed.get().splitlines()]


def test_the_table_worked_by_hand(table) -> None:
    assert lines(seen_unseen_curve(table))[2:] == [
        "-1.25  83.33    0.00   0.00",
        "-0.25  83.33   25.00  38.46",
        f"0  33.33   25.00  28.57  {AS_PREDICTED}",
        f"0.75  33.33   75.00  46.15  {BEST}",
        "1.75  16.67   75.00  27.27",
        "2.75  16.67  100.00  28.57",
        "∞   0.00  100.00   0.00",
        "AUSUC 41.67",
    ]


def test_the_gamma_of_a_calibrated_run_is_marked(table) -> None:
    found = [line for line in lines(seen_unseen_curve(table), 1.5) if CHOSEN in line]
    assert found == [f"1.75  16.67   75.00  27.27  {CHOSEN}"]


def test_json_has_every_point_and_no_infinity(table) -> None:
    curve = json.loads(json.dumps(curve_json(seen_unseen_curve(table)), allow_nan=False))
    assert curve["gamma"] == [-1.25, -0.25, 0.25, 0.75, 1.75, 2.75, None]
    assert curve["U"] == pytest.approx([0, 25, 25, 75, 75, 100, 100])
    assert curve["S"] == pytest.approx([250 / 3, 250 / 3, 100 / 3, 100 / 3, 50 / 3, 50 / 3, 0])
    assert curve["AUSUC"] == pytest.approx(500 / 12)
    assert curve["best"]["chosen_on"] == "test"
    assert curve["best"]["gamma"] == 0.75
    assert curve["best"]["H"] == pytest.approx(600 / 13)


@settings(max_examples=30)
@given(st.data())
def test_the_line_of_nothing_subtracted_has_the_metrics_of_the_run(any_predictions, data) -> None:
    predictions = data.draw(any_predictions)
    metrics = metrics_of(predictions)
    (own,) = (line for line in lines(seen_unseen_curve(predictions)) if AS_PREDICTED in line)
    assert own.split()[0] == "0"
    expected = [f"{value:.2f}" for value in (metrics.S, metrics.U, metrics.H)]
    assert [float(text) for text in own.split()[1:4]] == pytest.approx(
        [float(e) for e in expected], abs=0.011
    )


@settings(max_examples=30)
@given(st.data())
def test_no_line_beats_the_one_marked_best(any_predictions, data) -> None:
    curve = seen_unseen_curve(data.draw(any_predictions))
    rows = lines(curve)[2:-1]
    assert sum(BEST in row for row in rows) == 1
    (best,) = (float(row.split()[3]) for row in rows if BEST in row)
    assert best == max(float(row.split()[3]) for row in rows) == pytest.approx(curve.best.H, abs=0.006)


def test_a_curve_of_thousands_of_points_is_about_twelve_lines_from_end_to_end() -> None:
    along = np.linspace(0, 1, 5001)
    curve = SeenUnseenCurve(gamma=np.append(along[:-1], np.inf), S=100 * (1 - along**3), U=100 * along)
    rows = [[float(text) for text in row.replace("∞", "inf").split()[:4]] for row in lines(curve)[2:-1]]
    assert CURVE_POINTS <= len(rows) <= CURVE_POINTS + 2
    S, U = np.array(rows)[:, 1], np.array(rows)[:, 2]
    assert (S[0], U[0], S[-1], U[-1]) == (100, 0, 0, 100)
    assert np.diff(U - S).min() > 0
    assert np.diff(U - S).max() < 1.1 * 200 / (CURVE_POINTS - 1)
    assert rows == sorted(rows)


def test_a_run_with_no_right_answer_has_a_curve_of_one_point() -> None:
    curve = SeenUnseenCurve(gamma=np.array([np.inf]), S=np.zeros(1), U=np.zeros(1))
    assert lines(curve)[2:] == [f"0  0.00  0.00  0.00  {AS_PREDICTED}; {BEST}", "AUSUC 0.00"]
    assert curve_json(curve)["best"]["gamma"] is None
