"""The command: two share a study, one is killed, and what comes out is a table that run takes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gzslbench.errors import GzslBenchError
from gzslbench.plugins.presets import preset, tomllib

QUICK = ("--method", "cnzsl", "--dataset", "digits", "--set", "hidden=16", "--epochs", "3", "--device", "cpu")
FLO = Path(os.environ.get("GZSLBENCH_DATA", "nowhere")) / "FLO" / "efficientnet_lite0.mat"


@pytest.fixture(scope="module")
def optuna():
    return pytest.importorskip("optuna")


def record_of(path):
    (file,) = path.glob("results/*/record.json")
    return json.loads(file.read_text())


def test_the_table_that_is_written_is_one_that_run_takes_as_it_is(invoke, optuna, tmp_path) -> None:
    done = invoke("tune", *QUICK, "--trials", "3", "--write", "tuned.toml", "--json")
    assert done.exit_code == 0, done.output
    reported = json.loads(done.stdout)
    tables = tomllib.loads((tmp_path / "tuned.toml").read_text())
    (table,) = tables.values()
    assert list(tables) == ["digits"] and table.pop("method") == "cnzsl"
    source = table.pop("source")
    assert table == reported["params"] and table["hidden"] == 16 and table["epochs"] == 3
    assert source.startswith("tuned: 3 trials (") and "study cnzsl-digits" in source
    assert reported["validation_task"] in source and f"H {reported['best']['H']:.2f}" in source

    tested = record_of(tmp_path)
    assert tested["cell"]["params"] == table and tested["task"]["split"] != "val"
    assert tested["run"]["preset"] == {"table": "digits", "source": source}
    assert reported["test"]["metrics"]["H"] == tested["metrics"]["last"]["H"]

    again = invoke(
        *("run", "--method", "cnzsl", "--dataset", "digits", "--preset", "tuned.toml", "--device", "cpu"),
        *("--eval-every", "0", "--dry-run", "--json"),
    )
    assert again.exit_code == 0, again.output
    planned = json.loads(again.stdout)
    assert planned["id"] == tested["id"] and planned["state"].startswith("finished")


def test_the_report_tells_trials_parameters_and_one_number_on_test(invoke, optuna) -> None:
    done = invoke("tune", *QUICK, "--trials", "3", "--write", "tuned.toml")
    assert done.exit_code == 0, done.output
    assert "study cnzsl-digits: 3 of 3 trials run (3 finished)" in done.stdout
    for text in (
        "0.0001..0.01:log",
        "H on validation classes",
        "gzslbench run --method cnzsl --dataset digits --preset",
    ):
        assert text in done.stdout
    assert done.stdout.count("On the test rows, after training on all of trainval:") == 1
    assert "trial 0: lr=0.0005 scale=5 seen_factor=0.95" in done.stderr

    again = invoke("tune", *QUICK, "--trials", "3")
    assert again.exit_code == 0 and "has been tested" not in again.stdout
    assert "trial 0" not in again.stderr


@pytest.mark.acceptance
def test_workers_are_begun_by_the_command(invoke, optuna) -> None:
    done = invoke("tune", *QUICK, "--trials", "3", "--workers", "2", "--no-test")
    assert done.exit_code == 0, done.output
    assert "3 of 3 trials run (3 finished)" in done.stdout
    assert done.stderr.count("on validation classes") == 3


def test_a_table_for_a_folder_that_is_not_there_is_refused_before_any_trial(invoke, optuna, tmp_path) -> None:
    done = invoke("tune", *QUICK, "--trials", "1", "--write", "nowhere/tuned.toml")
    assert done.exit_code == 2 and "name a file in an existing folder" in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_address_is_of_a_cluster_and_begins_no_study_here(invoke, optuna, tmp_path) -> None:
    for workers in ((), ("--workers", "2")):
        done = invoke("tune", *QUICK, "--trials", "1", *workers, "--address", "head:6379")
        assert done.exit_code == 2 and "add --executor ray" in done.stderr
        assert not list(tmp_path.iterdir())


def test_without_test_the_test_rows_are_left_alone(invoke, optuna, tmp_path) -> None:
    done = invoke("tune", *QUICK, "--trials", "1", "--no-test", "--json")
    assert done.exit_code == 0 and json.loads(done.stdout)["test"] is None
    assert list(tmp_path.glob("results/*/record.json")) == []


def test_what_cannot_be_done_is_told_before_anything_is_trained(invoke, optuna, tmp_path) -> None:
    for arguments, text in (
        (["--method", "dem", "--dataset", "digits"], "dem has no parameter left to tune"),
        (["--method", "cnzsl", "--dataset", "digits", "--search", "lr"], "cannot read 'lr'"),
        (["--method", "cnzsl", "--dataset", "digits", "--search", "lt=0.1..1"], "did you mean 'lr'"),
        (["--method", "cnzsl", "--dataset", "digits", "--search", "lr=0..1"], "out of range"),
        ([*QUICK, "--search", "hidden=8..16"], "is set and searched"),
        ([*QUICK, "--search", "epochs=8..16"], "is set and searched"),
        ([*QUICK, "--study", "study.txt"], "a file of a study cannot end in"),
        ([*QUICK, "--name", "a/b"], "cannot be called"),
        ([*QUICK, "--write", "tuned.json"], ".toml"),
    ):
        done = invoke("tune", *arguments)
        assert done.exit_code == 2 and text in done.output, (arguments, done.output)
    assert list(tmp_path.iterdir()) == []
    assert (
        invoke(
            "tune", "--method", "dem", "--dataset", "digits", "--search", "lr=1e-5..1e-3:log", "--help"
        ).exit_code
        == 0
    )


def test_without_optuna_it_says_what_to_install(invoke, monkeypatch) -> None:
    from gzslbench.sweep.tuning import storage

    monkeypatch.setattr(storage, "find_spec", lambda name: None)
    done = invoke("tune", *QUICK)
    assert done.exit_code == 2 and "pip install 'gzslbench[tune]'" in done.output


def test_a_preset_that_does_not_fit_is_refused(invoke, tmp_path) -> None:
    run = ("run", "--method", "cnzsl", "--dataset", "digits", "--preset", "t.toml", "--dry-run")
    for text, complaint in (
        (None, "cannot be read"),
        ("[AWA2]\nlr = 0.1", "no table for digits/strokes"),
        ('[digits]\nmethod = "dem"\nlr = 0.1', "is for dem, not for cnzsl"),
        ("[digits]\nlr = -1", "out of range"),
        ("[digits\n", "not TOML"),
        (b"\xff\xfe", "not TOML"),
    ):
        if text is not None:
            (tmp_path / "t.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
        done = invoke(*run)
        assert done.exit_code == 2 and complaint in done.output, done.output
    (tmp_path / "t.toml").write_text(
        '["digits/strokes"]\nlr = 0.25\n[digits]\nlr = 0.5\n[default]\nscale = 2.0'
    )
    planned = json.loads(invoke(*run, "--json", "--set", "hidden=8").stdout)["params"]
    assert (planned["lr"], planned["scale"], planned["hidden"], planned["epochs"]) == (0.25, 2.0, 8, 50)


@pytest.fixture
def start(tmp_path):
    """Start the command in a process of its own, with one thread."""
    begun = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "gzslbench", "tune", *arguments],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def heard(process, text):
    """Wait until standard error says so."""
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"it ended without {text!r}")


@pytest.mark.acceptance
def test_ctrl_c_keeps_the_study_and_the_command_goes_on_with_it(start, optuna, tmp_path) -> None:
    wanted = (*QUICK[:-4], "--epochs", "30", "--device", "cpu", "--trials", "3", "--json")
    whole = start(*wanted, "--study", "whole.journal", "--no-test").communicate(timeout=300)[0]
    process = start(*wanted, "--study", "stopped.journal", "--no-test")
    heard(process, "trial 1 prototypes")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "repeat the command to continue" in err and "Traceback" not in err
    again = start(*wanted, "--study", "stopped.journal", "--no-test").communicate(timeout=300)[0]
    assert json.loads(again)["trials"] == json.loads(whole)["trials"]


@pytest.mark.acceptance
@pytest.mark.skipif(not FLO.is_file(), reason="needs FLO's features under GZSLBENCH_DATA")
def test_two_share_a_study_of_flo_one_is_killed_and_the_other_ends_it(start, optuna, tmp_path) -> None:
    wanted = (
        *("--method", "cnzsl", "--dataset", "FLO", "--features", "efficientnet_lite0", "--device", "cpu"),
        *("--set", "hidden=32", "--epochs", "2", "--eval-every", "0", "--trials", "20"),
        *("--study", "shared.journal", "--write", "tuned.toml", "--json"),
    )
    doomed = start(*wanted)
    heard(doomed, "trial 0: H")
    survivor = start(*wanted)
    heard(survivor, "H ")
    heard(doomed, ": lr=")
    doomed.send_signal(signal.SIGKILL)
    doomed.wait(timeout=10)
    out, err = survivor.communicate(timeout=600)
    assert survivor.returncode == 0, err

    reported = json.loads(out)
    assert reported["run"] == 20 and reported["counts"] == {"finished": 20}
    assert [trial["number"] for trial in reported["trials"]] == list(range(20))
    (table,) = tomllib.loads((tmp_path / "tuned.toml").read_text()).values()
    assert table["source"].startswith("tuned: 20 trials (20 finished)")
    from gzslbench.plugins.registry import plugins

    spec = plugins().method("cnzsl")
    assert preset(spec, "FLO", "att", tmp_path / "tuned.toml").values == reported["params"]
    with pytest.raises(GzslBenchError):
        preset(spec, "SUN", "att", tmp_path / "tuned.toml")
    (tested,) = tmp_path.glob("results/*/record.json")
    record = json.loads(tested.read_text())
    assert record["cell"]["params"] == reported["params"]
    assert record["metrics"]["last"]["H"] == reported["test"]["metrics"]["H"] > 0
    assert reported["test"]["tests_of_the_study"] == [
        {"trial": reported["best"]["number"], "run": record["id"]}
    ]
    assert "/ps-" in record["task"]["id"] and "/val-" in reported["validation_task"]


@pytest.mark.acceptance
def test_two_that_end_together_report_the_same_and_test_once(start, optuna, tmp_path) -> None:
    wanted = (*QUICK, "--trials", "6", "--study", "shared.sqlite", "--write", "tuned.toml", "--json")
    both = [start(*wanted), start(*wanted)]
    reported = []
    for process in both:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        reported.append(json.loads(out))
    assert reported[0]["trials"] == reported[1]["trials"] and reported[0]["run"] == 6
    assert reported[0]["test"] == reported[1]["test"] and len(reported[0]["test"]["tests_of_the_study"]) == 1
    assert len(list(tmp_path.glob("results/*/record.json"))) == 1
