"""The table of what calibration gives reads records, averages seeds, and leaves out controls."""

from __future__ import annotations

import pytest

from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.plan import Request, make_plan
from gzslbench.runs.store import Store
from gzslbench_benchmarks.calibration import calibrated_records, compare_transfers, markdown


def run(root, **request):
    plan = make_plan(Request("eszsl", "digits", **request))
    return [run_cell(plan, cell, Store(root), Options())[0] for cell in plan.cells]


def test_a_row_has_the_means_of_the_calibrated_runs(tmp_path):
    records = run(tmp_path, calibrate="val", seeds=(1, 2))
    run(tmp_path, seeds=(3,))
    run(tmp_path, calibrate="val", shuffle_semantics=1)
    (name, row), *others = compare_transfers(calibrated_records(tmp_path)).items()
    assert (name, others) == ("eszsl | digits/pixels/strokes | last", [])
    first = records[0]
    transfers = first.calibration.transfers
    expected = [
        first.metrics["last"].H,
        transfers["quantile"].H,
        transfers["gamma"].H,
        first.metrics["test-peek-gamma"].H,
    ]
    assert row == pytest.approx(expected)  # a closed form is the same for both seeds
    assert row[3] >= max(row[:3])
    assert not list(calibrated_records(tmp_path, ["digits/pixels/other"]))
    assert len(list(calibrated_records(tmp_path, ["digits/pixels/strokes"]))) == 2


def test_the_table_ends_with_the_means(tmp_path):
    text = markdown({"a | t | last": [10, 20, 30, 40], "b | t | last": [30, 40, 50, 60]})
    assert text.splitlines()[-1] == "| mean | 2 rows | | 20.0 | 30.0 | 40.0 | 50.0 |"
    assert markdown({}) == "no calibrated runs\n"
