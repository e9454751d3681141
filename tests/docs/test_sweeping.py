"""The page about sweeps, typed in from top to bottom."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "sweeping.md").read_text(encoding="utf-8")
((_, SUITE), (_, COMMANDS), (_, PROGRAM)) = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)

pytestmark = pytest.mark.acceptance


def test_every_command_of_the_page_does_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(SUITE, encoding="utf-8")
    outputs = []
    for command in COMMANDS.splitlines():
        program, *arguments = shlex.split(command)
        assert program == "gzslbench"
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, f"{command}: {done.output}"
        outputs.append(done.output)
    before, swept, after, status, board = outputs
    assert "8 unread" in before and "8 of 8 cells run" in swept and "8 done" in after
    assert re.search(r"done since +8\b", status) and "cnzsl" in board
    Path("program.py").write_text(PROGRAM, encoding="utf-8")
    runpy.run_path("program.py", run_name="__main__")
    table = capsys.readouterr().out
    assert "8 cells; before the sweep 8 done; 0 run now" in table
    assert table.count("complete") == 8
