"""What docs/uncertainty.md tells to type, typed in from top to bottom."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "uncertainty.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

pytestmark = pytest.mark.acceptance


def test_every_block_does_what_the_page_says(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GZSLBENCH_DATA", raising=False)
    shown = {}
    for command in "".join(BLOCKS).splitlines():
        program, *arguments = shlex.split(command)
        assert program == "gzslbench"
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, f"{command}: {done.output}"
        shown[command] = " ".join(done.output.split())
    assert "95 % over classes" in shown["gzslbench show eszsl-digits"]
    assert "no interval over classes: " in shown["gzslbench leaderboard --metric H --intervals both"]
    assert '"class_interval": null' in shown["gzslbench leaderboard --intervals classes --format json"]
