"""The page about sweeps, typed in from top to bottom."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "sweeping.md").read_text(encoding="utf-8")
((_, SUITE), (_, COMMANDS), (_, PROGRAM)) = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)

pytestmark = pytest.mark.acceptance


def test_every_command_of_the_page_does_what_it_says(tmp_path):
    (tmp_path / "small.toml").write_text(SUITE, encoding="utf-8")
    told = []
    for command in COMMANDS.splitlines():
        program, *arguments = shlex.split(command)
        assert program == "gzslbench"
        done = subprocess.run(
            [sys.executable, "-m", "gzslbench", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        told.append(done.stdout)
    before, swept, after, status, board = told
    assert "8 unread" in before and "8 of 8 cells run" in swept and "8 done" in after
    assert re.search(r"done since +8\b", status) and "cnzsl" in board
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "8 0 True\n"
