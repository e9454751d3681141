"""gzslbench sweep and tune on two nodes: the same as on one machine, also if processes die."""

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

from gzslbench.prepare.synthetic_folder import write_synthetic_folder

pytestmark = [pytest.mark.ray, pytest.mark.acceptance]
DIGITS = Path(__file__).parents[3] / "benchmarks" / "suites" / "digits.toml"
KILLS = 20


def begun(*arguments, where=None):
    return subprocess.Popen(
        [sys.executable, "-m", "gzslbench", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        cwd=where,
    )


def ended(process):
    output, _ = process.communicate(timeout=900)
    return process.returncode, output


def one_by_one(suite, results):
    status, output = ended(begun("sweep", suite, "--jobs", 1, "--results", results))
    assert status == 0, output


def test_every_method_gives_equal_records_in_one_process_in_two_and_on_two_nodes(
    cluster, tmp_path, stored
) -> None:
    suite = tmp_path / "one-seed.toml"
    suite.write_text(DIGITS.read_text().replace("seeds = [1, 2]", "seeds = [1]"))
    one_by_one(suite, tmp_path / "alone")
    status, output = ended(begun("sweep", suite, "--jobs", 2, "--results", tmp_path / "two"))
    assert status == 0, output
    elsewhere = ("--executor", "ray", "--address", cluster.address)
    status, output = ended(begun("sweep", suite, *elsewhere, "--results", tmp_path / "ray"))
    assert status == 0, output
    nodes = set(re.findall(r"\(node \w+\)", output))
    expected = stored(tmp_path / "alone")
    assert len(expected) == 18 and len(nodes) == 2
    assert stored(tmp_path / "two") == expected
    assert stored(tmp_path / "ray") == expected


def test_killed_at_random_it_ends_with_one_record_of_each_cell(cluster, longer, tmp_path, stored) -> None:
    draws = random.Random(0)
    one_by_one(longer, tmp_path / "alone")
    expected, kinds = stored(tmp_path / "alone"), ["worker"] * (KILLS - 2) + ["driver"] * 2
    draws.shuffle(kinds)
    for number in itertools.count():  # one sweep may end before all kills
        results = tmp_path / f"results-{number}"
        arguments = ("sweep", longer, "--executor", "ray", "--address", cluster.address)
        arguments += ("--results", results, "--checkpoint-every", 1, "--retries", 99)
        process = begun(*arguments)
        while kinds and process.poll() is None:
            time.sleep(draws.uniform(0.1, 1))
            victims = {"worker": cluster.workers("f-clswgan", "ce-gzsl"), "driver": [process.pid]}
            if not victims["worker"] or process.poll() is not None:
                continue
            kind = kinds[-1]
            try:
                os.kill(draws.choice(victims[kind]), signal.SIGKILL)
            except ProcessLookupError:
                continue
            kinds.pop()
            if kind == "driver":
                ended(process)
                process = begun(*arguments)
        status, output = ended(process)
        assert status == 0, output
        assert stored(results) == expected
        if not kinds:
            return


def test_nodes_without_data_get_them_from_the_driver(cluster, tmp_path, stored) -> None:
    write_synthetic_folder("APY", tmp_path / "data" / "APY", scale=0.01)
    (tmp_path / "small.toml").write_text(
        'title = "Small"\n[shared]\ndataset = "APY"\n'
        '[[grids]]\nmethod = ["eszsl", "cnzsl"]\ndataset = "APY"\nseeds = [1]\n'
    )
    command = ("sweep", "small.toml", "--data", "data")
    status, output = ended(begun(*command, "--results", "alone", where=tmp_path))
    assert status == 0, output
    elsewhere = ("--executor", "ray", "--address", cluster.address, "--results", tmp_path / "ray")
    status, output = ended(begun(*command, *elsewhere, where=tmp_path))
    assert status == 0, output
    assert stored(tmp_path / "ray") == stored(tmp_path / "alone")


def test_workers_on_two_nodes_share_a_study(cluster, tmp_path) -> None:
    pytest.importorskip("optuna", reason="needs optuna: pip install 'gzslbench[tune]'")
    command = ("tune", "--method", "cnzsl", "--dataset", "digits", "--trials", 4, "--epochs", 2, "--no-test")
    command += ("--sampler", "random", "--no-pruning", "--json")
    trials = []
    for name, more in (
        ("alone", ()),
        ("ray", ("--workers", 2, "--executor", "ray", "--address", cluster.address)),
    ):
        status, output = ended(begun(*command, *more, "--results", name, where=tmp_path))
        assert status == 0, output
        (line,) = (line for line in output.splitlines() if line.startswith("{"))
        trials.append(json.loads(line)["trials"])
    assert trials[0] == trials[1]
