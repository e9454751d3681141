"""gzslbench sweep, in processes of its own."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.sweep.sweep_log import SweepLog

pytestmark = pytest.mark.acceptance

PATIENCE = 300.0
KILLS = 20


def begun(*arguments):
    """The command, in a session of its own that pytest's Ctrl-C does not reach."""
    return subprocess.Popen(
        [sys.executable, "-m", "gzslbench", "sweep", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def ended(process):
    output, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, output


def swept(*arguments):
    return ended(begun(*arguments))


def until(holds):
    ends = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < ends
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def one_by_one(tmp_path_factory):
    """What the cells of a suite come to, one after another, by the suite's text."""
    kept = {}

    def run(text, stored):
        if text not in kept:
            folder = tmp_path_factory.mktemp("alone")
            (folder / "small.toml").write_text(text)
            status, output = swept(folder / "small.toml", "--jobs", 1, "--results", folder / "results")
            assert status == 0, output
            kept[text] = stored(folder / "results")
        return kept[text]

    return run


def test_two_jobs_at_once_give_the_same_records_as_one(suite, tmp_path, stored, one_by_one):
    expected = one_by_one(suite.read_text(), stored)
    status, output = swept(suite, "--jobs", 2, "--results", tmp_path / "results")
    assert status == 0 and "5 of 5 cells run" in output
    assert stored(tmp_path / "results") == expected and len(expected) == 5
    again = CliRunner().invoke(main, ["sweep", str(suite), "--results", str(tmp_path / "results")])
    assert again.exit_code == 0 and "0 of 0 cells run, 5 not to be run" in again.output
    told = CliRunner().invoke(main, ["sweep", str(suite), "--status", "--results", str(tmp_path / "results")])
    assert "not running" in told.output and "best on digits/pixels" in told.output


def test_cells_that_are_not_run_are_counted_by_state(suite, tmp_path):
    asked = (suite, "--only", "eszsl", "--results", tmp_path / "results")
    status, output = swept(*asked, "--gpus-per-cell", 0.5)
    assert status == 0 and "1 of 1 cells run, 0 not to be run\n" in output
    status, output = swept(*asked)
    assert status == 0 and "0 of 0 cells run, 1 not to be run (1 done)" in output


def test_what_fails_stops_nothing_and_is_tried_alone(suite, tmp_path):
    suite.write_text(suite.read_text().replace("epochs = 4", "epochs = 4\nset = { batch_size = [64, 100] }"))
    results = tmp_path / "results"
    assert swept(suite, "--results", results, "--only", "eszsl")[0] == 0
    planned = CliRunner().invoke(main, ["sweep", str(suite), "--dry-run", "--results", str(results)])
    (broken,) = re.findall(r"f-clswgan-digits-s2-\w+", planned.output)[:1]
    (results / broken).mkdir()
    (results / broken / "checkpoint-final.pt").write_bytes(b"damaged")
    status, output = swept(suite, "--jobs", 2, "--results", results)
    assert status == 1 and f"raised  {broken}" in output and "7 of 8 cells run" in output
    (results / broken / "checkpoint-final.pt").unlink()
    status, output = swept(suite, "--failed", "--results", results)
    assert status == 0 and "1 of 1 cells run, 8 not to be run" in output
    assert swept(suite, "--failed", "--results", results)[1].count("0 of 0 cells run") == 1


LONG = """
title = "Cells of some seconds"
[shared]
dataset = "digits"
[[grids]]
method = ["f-clswgan", "ce-gzsl"]
dataset = "digits"
epochs = 12
seeds = [1, 2]
"""


@pytest.fixture
def longer(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(LONG)
    return path


def test_ctrl_c_saves_what_runs_and_the_same_command_goes_on(longer, tmp_path, stored, one_by_one):
    expected = one_by_one(LONG, stored)
    results = tmp_path / "results"
    process = begun(longer, "--jobs", 2, "--results", results)
    until(lambda: list(results.glob("*/metrics.jsonl")))
    process.send_signal(signal.SIGINT)
    status, output = ended(process)
    assert status == 130 and "stopping: running cells are saved first" in output, output
    assert list(results.glob("*/checkpoint-*.pt"))
    assert SweepLog(results, "small").read().failed == {} and "the next sweep continues it" in output
    assert swept(longer, "--jobs", 2, "--results", results)[0] == 0
    assert stored(results) == expected


def test_a_second_ctrl_c_ends_it_at_once(longer, tmp_path):
    process = begun(longer, "--jobs", 2, "--results", tmp_path / "results")
    until(lambda: list((tmp_path / "results").glob("*/metrics.jsonl")))
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    status, _ = ended(process)
    assert status in (130, -signal.SIGINT)  # the second may come when the first has just ended it
    until(lambda: not alive(workers(tmp_path / "results")))


def test_a_cell_that_takes_too_long_is_ended(longer, tmp_path):
    status, output = swept(longer, "--only", "ce-gzsl", "--timeout", 1, "--results", tmp_path / "results")
    assert status == 1 and "timeout" in output and "took longer than 1 s" in output


def test_two_sweeps_of_one_suite_keep_out_of_each_others_way(longer, tmp_path):
    results = tmp_path / "results"
    process = begun(longer, "--results", results)
    until(lambda: SweepLog(results, "small").read().alive)
    status, output = swept(longer, "--results", results)
    assert status == 2 and "a sweep of this suite is running: process" in output
    told = CliRunner().invoke(main, ["sweep", str(longer), "--status", "--results", str(results)])
    assert "running, " in told.output and "not running" not in told.output
    process.kill()
    ended(process)


def workers(results):
    """The processes that the journal says are at work."""
    running = SweepLog(results, "small").read().running.values()
    return [int(told["where"].split()[-1]) for told in running]


def alive(processes):
    return [process for process in processes if os.path.exists(f"/proc/{process}")]  # noqa: PTH110


def test_when_the_driver_is_killed_its_workers_die_too(longer, tmp_path):
    results = tmp_path / "results"
    process = begun(longer, "--jobs", 2, "--results", results)
    found = until(lambda: list(results.glob("*/metrics.jsonl")) and workers(results))
    process.kill()
    ended(process)
    until(lambda: not alive(found))


@pytest.mark.acceptance
def test_killed_at_random_it_ends_with_one_record_of_each_cell(longer, tmp_path, stored, one_by_one):
    expected = one_by_one(LONG, stored)
    results, draws = tmp_path / "results", random.Random(0)
    arguments = (longer, "--jobs", 2, "--results", results, "--checkpoint-every", 1, "--retries", 99)
    kills = {"driver": 0, "worker": 0}
    process = begun(*arguments)
    while sum(kills.values()) < KILLS and process.poll() is None:
        time.sleep(draws.uniform(0.05, 0.8))
        victims = workers(results) if SweepLog(results, "small").read().alive else []
        if victims and draws.random() < 0.7:
            try:
                os.kill(draws.choice(victims), signal.SIGKILL)
                kills["worker"] += 1
            except ProcessLookupError:
                continue
        elif victims:
            process.kill()
            ended(process)
            kills["driver"] += 1
            process = begun(*arguments)
    output = ended(process)[1]
    status, more = swept(*arguments)
    assert status == 0, output + more
    assert sum(kills.values()) == KILLS and min(kills.values()) >= 2, kills
    assert stored(results) == expected
    for file in results.glob("*/metrics.jsonl"):
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        epochs = [(line["leg"], line["stage"], line["epoch"]) for line in lines]
        assert len(epochs) == len(set(epochs))
