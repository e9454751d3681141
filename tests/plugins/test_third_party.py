from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.acceptance


def test_its_method_is_listed_and_described(gzslbench) -> None:
    listed = json.loads(gzslbench("methods", "--json").stdout)
    assert {"ce-gzsl", "f-clswgan", "nearest-mean"} <= set(listed)
    assert listed["nearest-mean"]["kind"] == "scoring"
    described = gzslbench("methods", "nearest-mean").stdout
    assert "penalty on the map from semantics to means" in described


def test_it_passes_every_check_that_applies(gzslbench) -> None:
    done = gzslbench("check", "nearest-mean", "--json")
    assert done.returncode == 0, done.stdout
    (outcomes,) = json.loads(done.stdout).values()
    assert sum(outcome["status"] == "passed" for outcome in outcomes) > 12


def test_doctor_names_its_distribution_and_version(gzslbench) -> None:
    plugins = {
        plugin["name"]: plugin for plugin in json.loads(gzslbench("doctor", "--json").stdout)["plugins"]
    }
    found = plugins["nearest-mean"]
    assert (found["distribution"], found["version"]) == ("gzslbench-nearest-mean", "0.3")
    assert (found["loads"], found["error"]) == (True, None)


@pytest.mark.usefixtures("break_module")
def test_a_broken_plugin_is_a_warning_and_doctor_names_it(gzslbench) -> None:
    listed = gzslbench("methods", "--json")
    assert listed.returncode == 0
    assert "nearest-mean" not in json.loads(listed.stdout)
    assert "warning: plugin 'nearest-mean' is left out" in listed.stderr
    assert "its licence has run out" in listed.stderr
    doctor = gzslbench("doctor")
    assert doctor.returncode == 1
    assert "plugin nearest-mean: RuntimeError: its licence has run out" in doctor.stdout


@pytest.mark.usefixtures("break_module")
def test_a_plugin_that_is_switched_off_is_not_imported(gzslbench) -> None:
    listed = gzslbench("methods", "--json", GZSLBENCH_PLUGINS="")
    assert "ce-gzsl" in json.loads(listed.stdout)
    assert listed.stderr == ""
    doctor = gzslbench("doctor", GZSLBENCH_PLUGINS="another")
    assert doctor.returncode == 0
    assert "switched off" in doctor.stdout


def test_its_method_runs(gzslbench) -> None:
    run = gzslbench("run", "--method", "nearest-mean", "--dataset", "digits", "--json", "--set", "ridge=0.1")
    assert run.returncode == 0, run.stderr
    record = json.loads(run.stdout)
    assert record["cell"]["params"] == {"ridge": 0.1}
    assert record["metrics"]["last"]["T1"] > 70
    assert record["metrics"]["last"] == record["metrics"]["test-peek"]
    chosen = gzslbench("run", "--method", "nearest-mean", "--dataset", "digits", "--select", "val", "--json")
    assert json.loads(chosen.stdout)["validation"]["epoch"] == 0
