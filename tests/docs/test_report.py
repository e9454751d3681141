"""What docs/report.md says to type, typed in from top to bottom."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli import main

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "report.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.acceptance


def test_every_command_makes_the_report_that_the_page_describes(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = ["run", "--method", "eszsl", "--dataset", "digits", "--calibrate", "val"]
    assert CliRunner().invoke(main, run).exit_code == 0
    commands = [
        line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()
    ]
    assert commands
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "gzslbench"
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0 and "1 run: open" in done.output, f"{command}: {done.output}"
    first = (tmp_path / "site" / "index.html").read_text()
    for words in ("Protocol", "Metric", "Minutes of a run", "★", "≈"):
        script = (tmp_path / "site" / "assets" / "site.js").read_text()
        assert words in first + script
    (page,) = (tmp_path / "site" / "runs").iterdir()
    for heading in ("Metrics", "Repeat it", "Figures", "Classes", "Configuration and environment"):
        assert f"<h2>{heading}</h2>" in page.read_text()
    assert "Presets" in (tmp_path / "site" / "methods" / "eszsl.html").read_text()


def test_the_pictures_of_the_page_are_there() -> None:
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", PAGE)
    assert pictures and all((DOCS / picture).is_file() for picture in pictures)
