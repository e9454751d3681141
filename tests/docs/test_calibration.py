"""docs/calibration.md: its commands run, and its output is what they print on the real data."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "calibration.md").read_text(encoding="utf-8")
COMMANDS = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)).splitlines()
DATA = Path(os.environ.get("GZSLBENCH_DATA", "."), "CUB", "resnet1000.mat")


@pytest.mark.acceptance
@pytest.mark.skipif(not DATA.is_file(), reason="needs CUB/resnet1000.mat in $GZSLBENCH_DATA")
def test_the_page_shows_what_its_commands_print(tmp_path, monkeypatch):
    monkeypatch.setenv("GZSLBENCH_DATA", str(DATA.parent.parent.resolve()))
    monkeypatch.chdir(tmp_path)
    printed = []
    for command in COMMANDS:
        program, *arguments = shlex.split(command)
        assert program == "gzslbench"
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, f"{command}: {done.output}"
        printed += [" ".join(line.split()) for line in done.stdout.splitlines()]
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    lines = [" ".join(line.split()) for line in shown.splitlines() if line not in ("", "...")]
    assert len(lines) > 5
    assert [line for line in lines if line not in printed] == []
