"""The page about tuning, typed in from top to bottom."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "tuning.md"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

pytestmark = pytest.mark.slow


def test_every_block_does_what_the_page_says(tmp_path, monkeypatch) -> None:
    pytest.importorskip("optuna", reason="needs optuna: pip install 'gzslbench[tune]'")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GZSLBENCH_DATA", raising=False)
    for language, block in BLOCKS:
        if language == "sh":
            for command in block.splitlines():
                program, *arguments = shlex.split(command)
                assert program == "gzslbench"
                done = CliRunner().invoke(main, arguments)
                assert done.exit_code == 0, f"{command}: {done.output}"
        else:
            (tmp_path / "workers.py").write_text(block, encoding="utf-8")
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            told = subprocess.run(
                [sys.executable, "workers.py"], env=environment, capture_output=True, text=True, timeout=300
            )
            assert told.returncode == 0 and told.stdout.count("'run': 5") == 2, told.stdout + told.stderr
    assert {path.name for path in (tmp_path / "results" / "studies").glob("*.journal")} == {
        "cnzsl-digits.journal",
        "mine.journal",
        "two-workers.journal",
    }
    assert len(list((tmp_path / "results").glob("*/record.json"))) == 3
