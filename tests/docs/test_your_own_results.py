"""Every block of the page about results of other programs, from top to bottom."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "your-own-results.md"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

pytestmark = pytest.mark.acceptance


def without_numbers(text: str) -> list[str]:
    """Another machine may round differently."""
    return [re.sub(r"\d+\.\d+", "number", " ".join(line.split())) for line in text.splitlines()]


def test_every_block_does_what_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    output = ""
    for language, block in BLOCKS:
        if language == "sh":
            for command in block.splitlines():
                program, *arguments = shlex.split(command)
                assert program == "gzslbench"
                done = CliRunner().invoke(main, arguments)
                assert done.exit_code == 0, f"{command}: {done.output}"
                output = done.stdout
        elif language == "python":
            exec(compile(block, PAGE, "exec"), names)
        else:
            assert without_numbers(output)[: len(block.splitlines())] == without_numbers(block)
    printed = dict(re.findall(r"(\w+) (\d+\.\d+)", capsys.readouterr().out))
    (record,) = (tmp_path / "results").glob("external-mixed-means-digits-*/record.json")
    stored = json.loads(record.read_text())["metrics"]["external"]
    assert {name: f"{stored[name]:.2f}" for name in printed} == printed
    assert set(printed) == {"U", "S", "H", "T1", "AUSUC"}
    assert "Mixed means, again (external)" in output
    assert len(list((tmp_path / "reviewed").glob("*/record.json"))) == 3


def test_there_are_blocks_of_every_language():
    assert {language for language, _ in BLOCKS} == {"sh", "python", "text"}
