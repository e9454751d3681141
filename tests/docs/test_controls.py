"""The command of the page on controls, and what the page says it prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "controls.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.acceptance


def numbers_as_words(line: str) -> str:
    """Another machine may round differently."""
    return re.sub(r"\d+(\.\d+)?(e-\d+)?", "number", " ".join(line.split()))


def test_the_command_of_the_page_prints_its_table_and_verdict(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (command,) = re.findall(r"```sh\n(.*?)\n```", PAGE, re.DOTALL)
    (printed,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    outcome = CliRunner().invoke(main, shlex.split(command)[1:])
    assert outcome.exit_code == 0, outcome.output
    expected, found = printed.splitlines(), outcome.stdout.splitlines()
    assert list(map(numbers_as_words, found)) == list(map(numbers_as_words, expected))
    for name in ("method", "shuffled", "oracle", "chance"):
        (ours,) = (line.split()[1:] for line in found if line.startswith(name))
        (theirs,) = (line.split()[1:] for line in expected if line.startswith(name))
        assert list(map(float, ours)) == pytest.approx(list(map(float, theirs)), abs=1)
