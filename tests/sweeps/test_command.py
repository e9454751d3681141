"""gzslbench sweep: cells that run at once end with the records of one after another, even if workers die."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.sweeps.sweep_log import SweepLog

PATIENCE_S = 300.0
WORKER_KILLS = 17


def sweep(*arguments):
    """Run the command in this process; its workers are processes of their own."""
    return CliRunner().invoke(main, ["sweep", *map(str, arguments)])


@pytest.mark.acceptance
def test_two_jobs_at_once_give_the_same_records_as_one(suite, tmp_path, stored):
    for jobs in (1, 2):
        done = sweep(suite, "--jobs", jobs, "--results", tmp_path / f"{jobs}")
        assert done.exit_code == 0 and "5 of 5 cells run, 0 not to be run\n" in done.output, done.output
        assert re.search(r"f-clswgan on digits +2( +[\d.]+){4} +last", done.output)
        assert f"next: gzslbench leaderboard {tmp_path / f'{jobs}'}" in done.output
    records = stored(tmp_path / "1")
    assert len(records) == 5 and stored(tmp_path / "2") == records
    again = sweep(suite, "--results", tmp_path / "2")
    assert again.exit_code == 0 and "0 of 0 cells run, 5 not to be run (5 done)" in again.output
    status = sweep(suite, "--status", "--results", tmp_path / "2").output
    assert "not running" in status and re.search(r"done since +0\b", status)


@pytest.mark.acceptance
def test_a_cell_that_fails_stops_no_other_and_is_tried_alone(suite, tmp_path):
    results = tmp_path / "results"
    assert sweep(suite, "--results", results, "--only", "eszsl").exit_code == 0
    (broken,) = re.findall(r"f-clswgan-digits-s2-\w+", sweep(suite, "--dry-run", "--results", results).output)
    (results / broken).mkdir()
    (results / broken / "checkpoint-final.pt").write_bytes(b"damaged")
    first = sweep(suite, "--jobs", 2, "--results", results)
    assert first.exit_code == 1 and f"raised  {broken}" in first.output
    assert "3 of 4 cells run" in first.output
    (results / broken / "checkpoint-final.pt").unlink()
    second = sweep(suite, "--failed", "--results", results)
    assert second.exit_code == 0 and "1 of 1 cells run, 4 not to be run" in second.output
    assert "0 of 0 cells run" in sweep(suite, "--failed", "--results", results).output


def test_a_dry_run_lists_the_cells_by_state_and_reason(suite, tmp_path):
    text = suite.read_text()
    suite.write_text(
        text.replace('method = "eszsl"\ndataset = "digits"', 'method = "eszsl"\ndataset = "FLO"')
    )
    listed = sweep(suite, "--dry-run", "--data", tmp_path / "absent", "--results", tmp_path / "results")
    assert listed.exit_code == 0
    unread, impossible = (
        listed.output.index("unread (4)"),
        listed.output.index("impossible (1): the files of FLO"),
    )
    assert unread < impossible
    assert listed.output.count("the files of FLO are missing") == 1
    assert listed.output.index("eszsl on FLO") > impossible
    assert listed.output.rstrip().endswith("4 unread, 1 impossible")


def test_a_second_sweep_of_a_suite_is_refused_while_one_runs(suite, tmp_path):
    log = SweepLog(tmp_path / "results", "small")
    with log.open():
        log.write("begun", who="process 1 on here", counts={}, total=5, to_run=5)
        refused = sweep(suite, "--results", tmp_path / "results")
        assert refused.exit_code == 2 and "a sweep of this suite is running: process" in refused.output
        status = sweep(suite, "--status", "--results", tmp_path / "results").output
        assert "running, process 1 on here" in status and "not running" not in status


def begin(*arguments):
    """Start the command in a session of its own, which pytest's Ctrl-C does not reach."""
    return subprocess.Popen(
        [sys.executable, "-m", "gzslbench", "sweep", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def workers(results):
    """The processes that the log of a running sweep names."""
    status = SweepLog(results, "small").read()
    return [int(where.split()[-1]) for where in status.running.values()] if status.alive else []


def is_alive(process):
    """Whether the process works; one that ended may stay in the list until its parent asks for its status."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill_worker(_process, victims, draws):
    os.kill(draws.choice(victims), signal.SIGKILL)


def kill_driver(process, victims, _draws):
    """The workers die with their driver."""
    process.kill()
    process.wait()
    ends = time.monotonic() + PATIENCE_S
    while any(is_alive(victim) for victim in victims):
        assert time.monotonic() < ends
        time.sleep(0.02)


def interrupt(process, _victims, _draws):
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130 and "stopping: running cells are saved first" in output, output
    assert "the next sweep continues it" in output and "Traceback" not in output


def hang_up(process, _victims, _draws):
    """The terminal is closed: nothing can be read any more."""
    process.stdout.close()
    process.send_signal(signal.SIGHUP)
    process.wait(timeout=PATIENCE_S)
    assert process.returncode not in (0, -signal.SIGHUP)


def interrupt_twice(process, _victims, _draws):
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode in (130, -signal.SIGINT)  # the second may come when the first has ended it


@pytest.mark.acceptance
def test_interrupted_and_killed_20_times_it_ends_with_one_equal_record_of_each_cell(longer, tmp_path, stored):
    alone = sweep(longer, "--jobs", 1, "--results", tmp_path / "alone")
    assert alone.exit_code == 0, alone.output
    expected, draws = stored(tmp_path / "alone"), random.Random(0)
    acts = [kill_worker] * WORKER_KILLS + [kill_driver]
    draws.shuffle(acts)
    acts += [hang_up, interrupt_twice, interrupt]  # the first acts, when much is still to run
    for number in itertools.count():  # on a fast machine one sweep may end before all acts
        results = tmp_path / f"results-{number}"
        options = ("--jobs", 2, "--results", results, "--checkpoint-every", 1, "--retries", 99)
        process = begin(longer, *options)
        while acts and process.returncode != 0:
            time.sleep(draws.uniform(0.05, 0.4))
            victims = workers(results) if process.poll() is None else []
            if victims:
                try:
                    acts[-1](process, victims, draws)
                    acts.pop()
                except ProcessLookupError:  # the worker has just ended
                    continue
            if process.poll() not in (None, 0):
                process = begin(longer, *options)
        output, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, output
        assert stored(results) == expected and len(expected) == 4
        for file in results.glob("*/metrics.jsonl"):
            lines = [json.loads(line) for line in file.read_text().splitlines()]
            epochs = [(line["leg"], line["stage"], line["epoch"]) for line in lines]
            assert len(epochs) == len(set(epochs))
        if not acts:
            return
