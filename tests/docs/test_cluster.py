"""The page about clusters: its script can be parsed, and its commands have the options that they use."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from gzslbench.cli.suites import sweep

pytestmark = pytest.mark.acceptance

PAGE = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text(encoding="utf-8")
BLOCKS = [text for _, text in re.findall(r"```(\w*)\n(.*?)```", PAGE, re.DOTALL)]
(SCRIPT,) = (text for text in BLOCKS if text.startswith("#!/bin/bash"))
LINES = [line.strip() for text in BLOCKS for line in text.replace("\\\n", " ").splitlines()]


def test_the_script_can_be_parsed() -> None:
    done = subprocess.run(["bash", "-n"], input=SCRIPT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_sweep_takes_its_options() -> None:
    commands = [line.rstrip(" &") for line in LINES if line.startswith("gzslbench sweep")]
    assert len(commands) == 4
    for command in commands:
        sweep.make_context("sweep", shlex.split(command)[2:])


def test_ray_takes_its_options() -> None:
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'gzslbench[ray]'")
    help_text = subprocess.run(
        [sys.executable, "-m", "ray.scripts.scripts", "start", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    commands = [line for line in LINES if "ray start" in line]
    assert len(commands) == 4
    for option in re.findall(r"--[a-z-]+", " ".join(line[line.index("ray start") :] for line in commands)):
        assert re.search(rf"{option}\b", help_text), option
