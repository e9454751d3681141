from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

import gzslbench_benchmarks
from gzslbench.execution.plan import make_plan
from gzslbench_benchmarks.measure import measure, summarize
from gzslbench_benchmarks.suite import load_suite

METRICS = sorted((Path(gzslbench_benchmarks.__file__).parent / "metrics").glob("*.json"))
TINY = """
title = "tiny"
[shared]
dataset = "digits"
eval_every = 1
[settings.ce-gzsl]
ngh = 8
ndh = 8
embed_size = 8
outz_size = 4
nhF = 4
syn_num = 10
[[runs]]
name = "small"
method = "ce-gzsl"
seeds = [1, 2]
epochs = 2
at = 1
"""


def test_a_measured_suite_stores_each_seed_at_the_fixed_epoch(tmp_path):
    suite, out = tmp_path / "tiny.toml", tmp_path / "tiny.json"
    suite.write_text(TINY)
    asked = [str(suite), "--results", str(tmp_path / "results"), "--out", str(out)]
    outcome = CliRunner().invoke(measure, asked)
    assert outcome.exit_code == 0, outcome.output
    stored = json.loads(out.read_text())["runs"]["small"]
    assert [run["seed"] for run in stored["runs"]] == [1, 2]
    for run in stored["runs"]:
        assert run["at"] == 1 and run["last"]["epoch"] == 2
        assert dict(run["H_by_epoch"])[1] == run["metrics"]["H"]
    mean = sum(run["metrics"]["H"] for run in stored["runs"]) / 2
    assert stored["summary"]["H"]["mean"] == pytest.approx(mean)
    before = out.read_text()
    assert CliRunner().invoke(measure, asked).exit_code == 0  # finished runs are read
    assert json.loads(out.read_text())["runs"] == json.loads(before)["runs"]


def test_the_tolerance_is_three_deviations_and_at_least_three_points():
    def runs(*values):
        return [{"metrics": dict.fromkeys(("U", "S", "H", "T1", "AUSUC"), value)} for value in values]

    assert summarize(runs(50.0))["H"] == {"mean": 50.0, "std": 0.0, "tolerance": 3.0}
    spread = summarize(runs(40.0, 50.0, 60.0))["H"]
    assert (spread["mean"], spread["std"], spread["tolerance"]) == (50.0, 10.0, 30.0)


@pytest.mark.parametrize("path", METRICS, ids=[path.stem for path in METRICS])
def test_stored_metrics_agree_with_their_own_summary(path):
    stored = json.loads(path.read_text(encoding="utf-8"))
    for name, group in stored["runs"].items():
        assert group["summary"] == summarize(group["runs"]), name
        for run in group["runs"]:
            U, S, H = (run["metrics"][key] for key in ("U", "S", "H"))
            assert pytest.approx(2 * U * S / (U + S) if U + S else 0.0) == H
            assert dict(run["H_by_epoch"])[run["at"]] == H


@pytest.mark.skipif("GZSLBENCH_DATA" not in os.environ, reason="needs FLO under GZSLBENCH_DATA")
@pytest.mark.parametrize("path", METRICS, ids=[path.stem for path in METRICS])
def test_stored_metrics_are_of_the_very_cells_that_their_suite_asks_for(path):
    stored = json.loads(path.read_text(encoding="utf-8"))
    asked = {cell.id for run in load_suite(path.stem).runs for cell in make_plan(run.request).cells}
    assert {run["id"] for group in stored["runs"].values() for run in group["runs"]} == asked
