"""The plugin that docs/plugin.md shows: installed, broken, and switched off."""

from __future__ import annotations

import json

import pytest

from gzslbench.runs.record import PERCENTAGES

pytestmark = pytest.mark.acceptance

RUN = "run --method nearest-mean --dataset digits --json"


@pytest.fixture
def call(fork, site, tmp_path):
    """Call a command where the plugin is installed."""
    return lambda command, **environment: fork(
        tmp_path, *command.split(), path=[site], environment=environment
    )


def test_its_method_is_listed_and_described(call) -> None:
    listed = json.loads(call("methods --json").stdout)
    assert {"ce-gzsl", "f-clswgan", "nearest-mean"} <= set(listed)
    assert listed["nearest-mean"]["kind"] == "scoring"
    assert "penalty on the map from semantics to means" in call("methods nearest-mean").stdout


def test_it_passes_every_check_that_applies(call) -> None:
    done = call("check nearest-mean --json")
    assert done.returncode == 0, done.stdout
    (outcomes,) = json.loads(done.stdout).values()
    assert sum(outcome["status"] == "passed" for outcome in outcomes) > 12


def test_doctor_names_its_distribution_and_version(call) -> None:
    plugins = {plugin["name"]: plugin for plugin in json.loads(call("doctor --json").stdout)["plugins"]}
    found = plugins["nearest-mean"]
    assert (found["distribution"], found["version"]) == ("gzslbench-nearest-mean", "0.3")
    assert (found["loads"], found["error"]) == (True, None)


def test_its_method_runs(call) -> None:
    run = call("run --method nearest-mean --dataset digits --json --set ridge=0.1")
    assert run.returncode == 0, run.stderr
    record = json.loads(run.stdout)
    assert record["cell"]["params"] == {"ridge": 0.1}
    assert record["metrics"]["last"]["T1"] > 70
    last, peek = (record["metrics"][rule] for rule in ("last", "test-peek"))
    assert all(last[name] == peek[name] for name in PERCENTAGES)
    chosen = call("run --method nearest-mean --dataset digits --select val --json")
    assert json.loads(chosen.stdout)["validation"]["epoch"] == 0


def test_a_broken_plugin_is_a_warning_and_one_that_is_switched_off_is_not_imported(call, site) -> None:
    (site / "gzslbench_nearest_mean.py").write_text("raise RuntimeError('its licence has run out')\n")
    listed = call("methods --json")
    assert listed.returncode == 0
    assert "nearest-mean" not in json.loads(listed.stdout)
    assert "warning: plugin 'nearest-mean' is left out" in listed.stderr
    assert "its licence has run out" in listed.stderr
    doctor = call("doctor")
    assert doctor.returncode == 1
    assert "plugin nearest-mean: RuntimeError: its licence has run out" in doctor.stdout
    listed = call("methods --json", GZSLBENCH_PLUGINS="")
    assert "ce-gzsl" in json.loads(listed.stdout) and listed.stderr == ""
    doctor = call("doctor", GZSLBENCH_PLUGINS="another")
    assert doctor.returncode == 0 and "switched off" in doctor.stdout
