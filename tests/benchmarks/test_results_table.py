"""The table of measured results shows means over seeds, and intervals over classes."""

from __future__ import annotations

from statistics import fmean

import pytest

from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.plan import Request, make_plan
from gzslbench.runs.store import Store
from gzslbench_benchmarks.results_table import markdown, task_rows

TASK = "synthetic/rectified/latent"


def run(root, method, **request):
    plan = make_plan(Request(method, "synthetic", **{"select": "val", "calibrate": "val", **request}))
    return [run_cell(plan, cell, Store(root), Options())[0] for cell in plan.cells]


def test_a_row_has_the_means_over_seeds_and_an_interval_around_the_mean(tmp_path):
    records = run(tmp_path, "cnzsl", seeds=(1, 2), epochs=2)
    run(tmp_path, "cnzsl", seeds=(3,), epochs=2, select="last")
    run(tmp_path, "cnzsl", seeds=(1,), epochs=2, shuffle_semantics=1)
    ((method, cells),) = task_rows(tmp_path, TASK).items()
    assert method == "cnzsl"
    numbers = [record.metrics["val-calibrated"] for record in records]
    expected = [fmean(getattr(found, metric) for found in numbers) for metric in ("T1", "U", "S", "H")]
    assert cells[:4] == [f"{number:.1f}" for number in expected]
    low, high = map(float, cells[4].split("–"))
    assert low < expected[3] < high


def test_a_task_without_calibrated_runs_is_an_error(tmp_path):
    run(tmp_path, "eszsl", seeds=(1,))
    with pytest.raises(SystemExit, match="synthetic/rectified/words: no calibrated runs"):
        task_rows(tmp_path, "synthetic/rectified/words")


def test_two_settings_of_a_method_are_an_error(tmp_path):
    run(tmp_path, "cnzsl", seeds=(1,), epochs=1)
    run(tmp_path, "cnzsl", seeds=(1,), epochs=2)
    with pytest.raises(SystemExit, match=r"cnzsl \([12]\) has several settings"):
        task_rows(tmp_path, TASK)


def test_the_table_has_the_common_methods_in_the_order_of_the_mean_h():
    text = markdown(
        {
            "A/f/att": {
                "eszsl": ["1", "1", "1", "10.0", "a"],
                "f-clswgan, with zlap": ["1", "1", "1", "20.0", "b"],
            },
            "B/f/sent": {
                "eszsl": ["1", "1", "1", "50.0", "c"],
                "sae": ["1", "1", "1", "90.0", "e"],
                "f-clswgan, with zlap": ["1", "1", "1", "30.0", "d"],
            },
        }
    )
    assert text.splitlines() == [
        "|method|A T1|U|S|H|other classes|B sent T1|U|S|H|other classes|",
        "|---" * 11 + "|",
        "|ESZSL|1|1|1|10.0|a|1|1|1|50.0|c|",
        "|f-CLSWGAN+ZLAP|1|1|1|20.0|b|1|1|1|30.0|d|",
    ]
