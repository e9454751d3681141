"""Runs of a fraction of a second, in this process and in others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHARED = (
    *("batch_size=512", "critic_iter=1", "ngh=16", "ndh=16", "syn_num=20", "nz=4"),
    *("zsl_epochs=1", "head_epochs=2"),
)
SETTINGS = {
    "ce-gzsl": (*SHARED, "embed_size=16", "outz_size=8", "nhF=8"),
    "f-clswgan": (*SHARED, "pretrain_epochs=2"),
}


@pytest.fixture
def arguments():
    """What ``gzslbench`` takes for a run of small networks on digits."""

    def make(*extra, method="ce-gzsl", epochs=4):
        settings = [part for setting in SETTINGS[method] for part in ("--set", setting)]
        shared = ["--method", method, "--dataset", "digits", "--device", "cpu", "--epochs", str(epochs)]
        return ["run", *shared, *settings, "--eval-every", "2", *extra]

    return make


@pytest.fixture
def start(tmp_path):
    """Start the command line in a process of its own, with one thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "gzslbench", *arguments],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def finish(start):
    """Run it to the end: exit status, standard output, standard error."""

    def finish(arguments):
        process = start(arguments)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    return finish


@pytest.fixture
def results(tmp_path) -> Path:
    return tmp_path / "results"
