"""The page about tuning, typed in from top to bottom."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "tuning.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

pytestmark = pytest.mark.acceptance


def test_every_block_does_what_the_page_says(tmp_path, monkeypatch) -> None:
    pytest.importorskip("optuna", reason="needs optuna: pip install 'gzslbench[tune]'")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GZSLBENCH_DATA", raising=False)
    for block in BLOCKS:
        for command in block.splitlines():
            program, *arguments = shlex.split(command)
            assert program == "gzslbench"
            done = CliRunner().invoke(main, arguments)
            assert done.exit_code == 0, f"{command}: {done.output}"
    assert {path.name for path in (tmp_path / "results" / "studies").glob("*.journal")} == {
        "cnzsl-digits.journal",
        "mine.journal",
        "shared.journal",
    }
    assert len(list((tmp_path / "results").glob("*/record.json"))) == 3
