"""gzslbench sweep and tune on two nodes: the same as on one machine, whatever dies."""

from __future__ import annotations

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
LONG = """
title = "Cells of some seconds"
[shared]
dataset = "digits"
[[grids]]
method = ["f-clswgan", "ce-gzsl"]
dataset = "digits"
epochs = 50
seeds = [1, 2]
"""
UNSEEN = Path("/proc/self/cwd")
"""Each process sees its own working folder there, so that no node sees the driver's."""


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


def test_every_method_on_two_nodes_gives_the_records_of_one_by_one_to_the_bit(
    cluster, tmp_path, stored
) -> None:
    suite = tmp_path / "three-seeds.toml"
    suite.write_text(DIGITS.read_text().replace("seeds = [1, 2]", "seeds = [1, 2, 3]"))
    one_by_one(suite, tmp_path / "alone")
    status, output = ended(begun("sweep", suite, "--jobs", 2, "--results", tmp_path / "two"))
    assert status == 0, output
    elsewhere = ("--executor", "ray", "--address", cluster.address)
    status, output = ended(begun("sweep", suite, *elsewhere, "--results", tmp_path / "ray"))
    assert status == 0, output
    nodes = set(re.findall(r"\(node \w+\)", output))
    expected = stored(tmp_path / "alone")
    assert len(expected) == 54 and len(nodes) == 2
    assert stored(tmp_path / "two") == expected
    assert stored(tmp_path / "ray") == expected


def test_killed_at_random_it_ends_with_one_record_of_each_cell(cluster, tmp_path, stored) -> None:
    suite, results, draws = tmp_path / "small.toml", tmp_path / "results", random.Random(0)
    suite.write_text(LONG)
    one_by_one(suite, tmp_path / "alone")
    arguments = ("sweep", suite, "--executor", "ray", "--address", cluster.address, "--results", results)
    arguments += ("--checkpoint-every", 1, "--retries", 99)
    kills = {"driver": 0, "worker": 0}
    process = begun(*arguments)
    while sum(kills.values()) < KILLS and process.poll() is None:
        time.sleep(draws.uniform(0.3, 2))
        victims = {"worker": cluster.workers("f-clswgan", "ce-gzsl"), "driver": [process.pid]}
        if not victims["worker"]:
            continue
        kind = draws.choice(["worker", "worker", "worker", "driver"])
        try:
            os.kill(draws.choice(victims[kind]), signal.SIGKILL)
        except ProcessLookupError:
            continue
        kills[kind] += 1
        if kind == "driver":
            ended(process)
            process = begun(*arguments)
    output = ended(process)[1]
    status, more = ended(begun(*arguments))
    assert status == 0, output + more
    assert sum(kills.values()) == KILLS and min(kills.values()) >= 2, kills
    assert stored(results) == stored(tmp_path / "alone")


def test_a_driver_on_another_disk_gets_the_records_of_nodes_without_data(cluster, tmp_path, stored) -> None:
    write_synthetic_folder("APY", tmp_path / "data" / "APY", scale=0.01)
    (tmp_path / "small.toml").write_text(
        'title = "Small"\n[shared]\ndataset = "APY"\n'
        '[[grids]]\nmethod = ["eszsl", "cnzsl"]\ndataset = "APY"\nseeds = [1, 2]\n'
    )
    asked = ("sweep", "small.toml", "--data", "data")
    status, output = ended(begun(*asked, "--results", "alone", where=tmp_path))
    assert status == 0, output
    status, output = ended(
        begun(
            *(*asked, "--executor", "ray", "--address", cluster.address, "--results", UNSEEN / "ray"),
            where=tmp_path,
        )
    )
    assert status == 0, output
    assert stored(tmp_path / "ray") == stored(tmp_path / "alone")
    assert stored(cluster.folder / "ray") == stored(tmp_path / "alone")


def test_workers_on_two_nodes_share_a_study(cluster, tmp_path) -> None:
    pytest.importorskip("optuna", reason="needs optuna: pip install 'gzslbench[tune]'")
    asked = ("tune", "--method", "cnzsl", "--dataset", "digits", "--trials", 4, "--epochs", 2, "--no-test")
    asked += ("--sampler", "random", "--no-pruning", "--json")
    told = []
    for name, more in (
        ("alone", ()),
        ("ray", ("--workers", 2, "--executor", "ray", "--address", cluster.address)),
    ):
        status, output = ended(begun(*asked, *more, "--results", name, where=tmp_path))
        assert status == 0, output
        (line,) = (line for line in output.splitlines() if line.startswith("{"))
        told.append(json.loads(line)["trials"])
    assert told[0] == told[1]
