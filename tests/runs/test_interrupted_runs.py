"""A run that is killed or stopped, and resumed, has the record of one that never was."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.training.interruption import Interruption

EPOCHS = 30
KILLED = """
import itertools, signal
from pathlib import Path
from gzslbench.cli import main
from gzslbench.training.interruption import Interruption

counter = itertools.count(1)
ask = Interruption.__call__

def count(interruption):
    iterations = next(counter)
    if iterations == last_iteration:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    return ask(interruption)

Interruption.__call__ = count
try:
    main(arguments)
finally:
    Path("iterations").write_text(str(next(counter) - 1))
"""
"""The command line; the kernel kills it ``cpu_seconds`` after the iteration ``last_iteration``.

A moment that depends on computing time alone can come after the end, because a first run on a busy
machine takes several times as long as a later one.
"""


def comparable(text):
    record = json.loads(text)
    record.pop("run")
    return record


@pytest.mark.acceptance
@pytest.mark.parametrize(
    ("method", "extra"), [("ce-gzsl", ()), ("f-clswgan", ()), ("ce-gzsl", ("--select", "val"))]
)
def test_killed_at_random_moments_and_resumed_the_record_is_the_same_to_the_bit(
    arguments, fork, tmp_path, method, extra
):
    def run(*more, last_iteration=0, cpu_seconds=0.0):
        names = {"last_iteration": last_iteration, "cpu_seconds": cpu_seconds}
        done = fork(tmp_path, *command, *more, program=KILLED, **names)
        return done.returncode, done.stdout, done.stderr

    command = arguments("--json", "--checkpoint-every", "3", *extra, method=method, epochs=EPOCHS)
    status, whole, err = run("--results", "whole")
    assert status == 0, err
    iterations = int((tmp_path / "iterations").read_text())
    moments, kills = random.Random(0), 0
    broken = ("--results", "broken", "--resume")
    for _ in range(4):
        moment = {
            "last_iteration": moments.randint(iterations // 6, iterations // 3),
            "cpu_seconds": moments.uniform(1e-3, 0.02),
        }
        status, _, err = run(*broken, **moment)
        kills += status == -signal.SIGPROF
    assert kills >= 2, (iterations, status, err)
    (log,) = tmp_path.glob("broken/*/log.txt")
    assert any(int(done) > 0 for done in re.findall(r"starts at iteration (\d+)", log.read_text()))

    status, resumed, err = run(*broken)
    assert status == 0, err
    assert comparable(resumed) == comparable(whole)
    (one,), (other,) = (list(tmp_path.glob(f"{name}/*/metrics.jsonl")) for name in ("whole", "broken"))
    assert one.read_text() == other.read_text()
    assert one.with_name("predictions.npz").read_bytes() == other.with_name("predictions.npz").read_bytes()


def wait_for_lines(process, results, count):
    deadline = time.monotonic() + 60
    while sum(len(file.read_bytes().splitlines()) for file in results.glob("*/metrics.jsonl")) < count:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.002)


@pytest.mark.acceptance
def test_ctrl_c_saves_within_the_epoch_and_says_how_to_continue(arguments, tmp_path, results):
    command = arguments("--json", "--checkpoint-every", "0", "--results", str(results), epochs=10**6)
    program = [sys.executable, "-m", "gzslbench", *command]
    process = subprocess.Popen(program, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    wait_for_lines(process, results, 3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in err and "checkpoint-final.pt" in err
    outcome = CliRunner().invoke(main, command)
    assert outcome.exit_code == 2 and "--resume" in outcome.stderr and "--rerun" in outcome.stderr


@pytest.fixture
def run(arguments, results, monkeypatch):
    """Run in this process; stop as Ctrl-C does after a number of iterations, if it is given."""

    def invoke(*extra, stop_after=None, folder=results):
        with monkeypatch.context() as patch:
            if stop_after is not None:
                left = iter(range(stop_after))
                patch.setattr(Interruption, "__call__", lambda _: next(left, None) is None)
            return CliRunner().invoke(main, arguments("--json", "--results", str(folder), *extra))

    return invoke


@pytest.mark.parametrize("iterations", [1, 4, 6])  # within the first epoch, within another, between two
def test_a_run_that_was_stopped_within_an_epoch_continues_to_the_same_record(run, tmp_path, iterations):
    whole = run(folder=tmp_path / "whole")
    stopped = run(stop_after=iterations)
    assert stopped.exit_code == 130 and "--resume" in stopped.stderr
    resumed = run("--resume")
    assert resumed.exit_code == 0
    assert comparable(resumed.stdout) == comparable(whole.stdout)


def test_a_damaged_checkpoint_is_refused_and_left_alone(run, results):
    assert run(stop_after=7).exit_code == 130
    (checkpoint,) = results.glob("*/checkpoint-final.pt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    outcome = run("--resume")
    assert outcome.exit_code == 2 and "damaged" in outcome.stderr and checkpoint.name in outcome.stderr
    assert checkpoint.exists()
    assert run("--rerun").exit_code == 0


def test_a_rerun_keeps_the_finished_run_until_it_is_finished_itself(run, results):
    whole = run()
    (record,) = results.glob("*/record.json")
    (record.parent / "mine.txt").write_text("notes")
    before = record.read_bytes()
    stopped = run("--rerun", stop_after=7)
    assert stopped.exit_code == 130 and "without --rerun" in stopped.stderr
    assert (record.parent / "previous" / "record.json").read_bytes() == before
    assert run("--resume", "--rerun").exit_code == 2
    resumed = run("--resume")
    assert resumed.exit_code == 0 and comparable(resumed.stdout) == comparable(whole.stdout)
    assert not (record.parent / "previous").exists()
    assert (record.parent / "mine.txt").read_text() == "notes"


def test_a_resumed_run_keeps_the_epochs_it_chose(run, results):
    assert run("--select", "val", stop_after=4 * 3 + 1).exit_code == 130
    (choice,) = results.glob("*/validation.json")
    chosen = json.loads(choice.read_text())
    resumed = run("--select", "val", "--resume")
    assert json.loads(resumed.stdout)["metrics"]["val"]["epoch"] == chosen["epoch"]

    choice.write_text(json.dumps({**chosen, "epoch": chosen["epoch"] + 1}))
    choice.with_name("record.json").unlink()
    outcome = run("--select", "val", "--resume")
    assert outcome.exit_code == 2 and "belongs to run" in outcome.stderr
