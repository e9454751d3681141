from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from gzslbench.cli.suites import regress
from gzslbench.sweeps.suites.suite import load_suite
from gzslbench_benchmarks.speed.__main__ import speed
from gzslbench_benchmarks.speed.cases import CASES

pytestmark = pytest.mark.acceptance

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.sh"
STEPS = ("speed iteration epoch evaluation", "precision tf32", "precision bf16", "regress flo", "pytest")


@pytest.fixture
def script(tmp_path):
    """Runs the script with a python that notes its arguments, and fails if a word is among them."""

    def run(failing="nothing"):
        python = tmp_path / "python"
        python.write_text(
            f'#!/bin/sh\necho "$*" >> {tmp_path}/called\ncase "$*" in *"{failing}"*) exit 3;; esac\n'
        )
        python.chmod(0o755)
        environment = {**os.environ, "PYTHON": str(python), "OUT": str(tmp_path / "new" / "out")}
        done = subprocess.run([SCRIPT], env=environment, cwd=tmp_path, capture_output=True, text=True)
        return done, (tmp_path / "called").read_text().splitlines()

    return run


def test_every_step_runs_on_cuda_and_leaves_what_it_measures_in_one_folder(script, tmp_path):
    done, called = script()
    assert done.returncode == 0 and done.stderr == ""
    assert len(called) == len(STEPS) and all(step in line for step, line in zip(STEPS, called, strict=True))
    speed, (measured, tested) = called[:3], called[3:]
    out = tmp_path / "new" / "out"
    assert out.is_dir()
    assert all("--device cuda" in line and f"--out {out}/speed-cuda" in line for line in speed)
    assert len({line.split("--out ")[1].split()[0] for line in called[:3]}) == 3
    assert f"--results {out}/results" in measured and f"--stored {out}/flo.json" in measured
    assert "-m gpu" in tested and Path(tested.split()[-1]).resolve() == SCRIPT.parents[1] / "tests"


def test_every_step_is_one_that_its_program_takes(script):
    _, called = script()
    for line in called[:3]:
        context = speed.make_context("speed", shlex.split(line)[2:], resilient_parsing=False)
        assert set(context.params["cases"]) <= set(CASES)
    assert {*shlex.split(called[0])} >= set(CASES) - {
        "opening",
        "startup",
        "store",
        "sweep",
    }  # which no GPU is needed for
    context = regress.make_context("regress", shlex.split(called[3])[3:])
    assert context.params["update"] and context.params["reason"]
    assert all(run.request.device == "cuda" for run in load_suite(context.params["suite"]).runs)


@pytest.mark.parametrize("failing", STEPS)
def test_a_step_that_fails_is_reported_and_the_others_run(script, failing):
    done, called = script(failing)
    assert len(called) == len(STEPS)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("failed: ") and failing in last
