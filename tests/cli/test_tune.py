"""The command tune: what it refuses, its report, its table, and processes that share a study."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
import torch

from gzslbench.files import parse_toml

QUICK = ("--method", "cnzsl", "--dataset", "digits", "--set", "hidden=8", "--epochs", "2", "--device", "cpu")


@pytest.fixture(scope="module")
def optuna():
    return pytest.importorskip("optuna")


@pytest.mark.acceptance
def test_the_report_and_a_table_that_run_takes_as_it_is(invoke, optuna, tmp_path) -> None:
    done = invoke("tune", *QUICK, "--trials", "2", "--write", "tuned.toml", "--json")
    assert done.exit_code == 0, done.output
    assert "trial 0: lr=0.0005 scale=5 seen_factor=0.95" in done.stderr
    reported = json.loads(done.stdout)
    tables = parse_toml((tmp_path / "tuned.toml").read_bytes())
    (table,) = tables.values()
    assert list(tables) == ["digits"] and table.pop("method") == "cnzsl"
    source = table.pop("source")
    assert table == reported["params"] and table["hidden"] == 8 and table["epochs"] == 2
    assert source.startswith("tuned: 2 trials (2 finished) of study cnzsl-digits")
    assert reported["validation_task"] in source and f"H {reported['best']['value']:.2f}" in source

    (file,) = tmp_path.glob("results/*/record.json")
    tested = json.loads(file.read_text())
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

    repeated = invoke("tune", *QUICK, "--trials", "2", "--write", "tuned.toml")
    assert repeated.exit_code == 0 and "trial 0" not in repeated.stderr
    assert "study cnzsl-digits: 2 of 2 trials run (2 finished)" in repeated.stdout
    run = "gzslbench run --method cnzsl --dataset digits --preset"
    for text in ("0.0001..0.01:log", "H on validation classes", run):
        assert text in repeated.stdout
    assert repeated.stdout.count("On the test rows, after training on all of trainval:") == 1
    assert "has been tested" not in repeated.stdout


def test_a_table_in_a_missing_folder_is_refused_before_any_trial(invoke, optuna, tmp_path) -> None:
    done = invoke("tune", *QUICK, "--trials", "1", "--write", "nowhere/tuned.toml")
    assert done.exit_code == 2 and "name a file in an existing folder" in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_address_without_a_cluster_executor_is_refused_before_any_trial(invoke, optuna, tmp_path) -> None:
    for workers in ((), ("--workers", "2")):
        done = invoke("tune", *QUICK, "--trials", "1", *workers, "--address", "head:6379")
        assert done.exit_code == 2 and "add --executor ray" in done.stderr
        assert not list(tmp_path.iterdir())


def test_without_test_the_test_rows_are_left_alone(invoke, optuna, tmp_path) -> None:
    done = invoke("tune", *QUICK, "--trials", "1", "--no-test", "--json")
    assert done.exit_code == 0 and json.loads(done.stdout)["test"] is None
    assert list(tmp_path.glob("results/*/record.json")) == []


def test_impossible_requests_are_refused_before_any_trial(invoke, optuna, tmp_path) -> None:
    for arguments, text in (
        (["--method", "dem", "--dataset", "digits", "--set", "weight_decay=0.1"], "no parameter left"),
        (["--method", "cnzsl", "--dataset", "digits", "--search", "lr"], "cannot read 'lr'"),
        (["--method", "cnzsl", "--dataset", "digits", "--search", "lt=0.1..1"], "did you mean 'lr'"),
        (["--method", "cnzsl", "--dataset", "digits", "--search", "lr=0..1"], "out of range"),
        (["--method", "dem", "--dataset", "digits", "--search", "lr=1..2", "--search", "lr=1..3"], "twice"),
        ([*QUICK, "--search", "hidden=8..16"], "is set and searched"),
        ([*QUICK, "--search", "epochs=8..16"], "is set and searched"),
        ([*QUICK, "--study", "study.txt"], "a file of a study cannot end in"),
        ([*QUICK, "--name", "a/b"], "cannot be called"),
        ([*QUICK, "--write", "tuned.json"], ".toml"),
    ):
        done = invoke("tune", *arguments)
        assert done.exit_code == 2 and text in done.output, (arguments, done.output)
    assert list(tmp_path.iterdir()) == []


def test_without_optuna_the_error_says_what_to_install(invoke, monkeypatch) -> None:
    from gzslbench.sweeps.tuning import tune

    monkeypatch.setattr(tune, "find_spec", lambda name: None)
    done = invoke("tune", *QUICK)
    assert done.exit_code == 2 and "pip install 'gzslbench[tune]'" in done.output


def test_an_unsuitable_preset_is_refused(invoke, tmp_path) -> None:
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
    """Start Python in a process of its own, with one thread."""
    processes = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def one_thread():
    """Compute with one thread, as the processes of ``start`` do: another number gives other roundings."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.acceptance
def test_after_ctrl_c_the_command_continues_the_study(start, invoke, optuna, one_thread) -> None:
    options = (*QUICK[:-4], "--epochs", "6", "--device", "cpu", "--no-test", "--json")
    process = start("-m", "gzslbench", "tune", *options, "--trials", "500", "--study", "stopped.journal")
    for line in process.stderr:
        if "trial 1 prototypes" in line:
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130 and "repeat the command to continue" in errors
    assert "Traceback" not in errors
    whole, again = (
        json.loads(invoke("tune", *options, "--trials", "3", "--study", f"{name}.journal").stdout)["trials"]
        for name in ("whole", "stopped")
    )
    assert again[:3] == whole


TAKE_A_TRIAL = """
import time
from pathlib import Path
from gzslbench.runs.plan import Request
from gzslbench.sweeps.tuning.tune import TuneRequest, open_tuning

run = Request("cnzsl", "digits", settings=("hidden=8",), epochs=2, seeds=(0,), device="cpu")
open_tuning(TuneRequest(run, study=Path("shared.journal"))).study.take(4)
print("taken", flush=True)
time.sleep(600)
"""


@pytest.mark.acceptance
def test_two_processes_finish_the_trial_of_a_killed_one_and_test_the_best_once(
    start, optuna, tmp_path
) -> None:
    killed = start("-c", TAKE_A_TRIAL)
    assert killed.stdout.readline() == "taken\n"
    killed.kill()
    killed.wait()
    options = (*QUICK, "--trials", "4", "--study", "shared.journal", "--json")
    processes = [start("-m", "gzslbench", "tune", *options) for _ in range(2)]
    reports = []
    for process in processes:
        out, errors = process.communicate()
        assert process.returncode == 0, errors
        reports.append(json.loads(out))
    first, second = reports
    assert first["run"] == 4 and [trial["number"] for trial in first["trials"]] == [0, 1, 2, 3]
    assert first["trials"] == second["trials"] and first["test"] == second["test"]
    (file,) = tmp_path.glob("results/*/record.json")
    tested = json.loads(file.read_text())
    assert first["test"]["tests_of_the_study"] == [{"trial": first["best"]["number"], "run": tested["id"]}]
