"""The tutorial, typed in from top to bottom."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs" / "adding-a-method.md"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL)
INSTALL = "pip install --editable ."
METADATA = "from setuptools import build_meta; build_meta.prepare_metadata_for_build_editable('src')"
PYTEST = "import pytest, sys\nsys.exit(pytest.main(arguments))\n"

pytestmark = pytest.mark.acceptance


class Reader:
    """Does what the tutorial says, in ``folder``."""

    def __init__(self, folder: Path, fork) -> None:
        self.folder = folder
        self.fork = fork
        self.output = ""

    def type_in(self, command: str) -> None:
        """One line of a block of commands."""
        line, _, status = command.partition("  # exit status ")
        if line.startswith("cd "):
            self.folder = self.folder / line.removeprefix("cd ")
            return
        if line == INSTALL:  # An editable install, but one that leaves the environment of the tests alone.
            install = [sys.executable, "-c", METADATA]
            done = subprocess.run(install, cwd=self.folder, capture_output=True, text=True)
        else:
            program, *arguments = line.removeprefix("python -m ").split()
            assert program in ("gzslbench", "pytest"), line
            code = PYTEST if program == "pytest" else None
            done = self.fork(self.folder, *arguments, program=code, path=[self.folder / "src"])
        assert done.returncode == int(status or 0), f"{command}:\n{done.stdout}{done.stderr}"
        self.output = done.stdout

    def write(self, block: str) -> None:
        """A block whose first line is the name of a file."""
        first, _, text = block.partition("\n")
        file = self.folder / first.removeprefix("# ")
        assert file.parent.is_dir(), file
        file.write_text(text, encoding="utf-8")

    def change(self, block: str) -> None:
        """A block of changed lines, those that count steps among them."""
        old, new = (line[2:].strip() for line in block.strip().splitlines())
        file = self.folder / "src" / "gzslbench_pull" / "method.py"
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1
        kept = [
            line for line in text.replace(old, new).splitlines() if not line.strip().startswith("self.steps")
        ]
        file.write_text("\n".join(kept) + "\n", encoding="utf-8")


def test_every_block_does_what_the_tutorial_says(fork, tmp_path) -> None:
    reader = Reader(tmp_path, fork)
    for language, block in BLOCKS:
        if language == "sh":
            for command in block.splitlines():
                reader.type_in(command)
        elif language == "text":
            failed = re.findall(r"failed +([\w-]+)", reader.output)
            assert sorted(failed) == sorted(re.findall(r"failed +([\w-]+)", block))
        elif language == "diff":
            reader.change(block)
        else:
            reader.write(block)
    text = (reader.folder / "src" / "gzslbench_pull" / "method.py").read_text(encoding="utf-8")
    assert "steps" not in text and "batch.epoch" in text
    ruff = shutil.which("ruff", path=Path(sys.executable).parent)
    if ruff is not None:
        configuration = TUTORIAL.parents[1] / "pyproject.toml"
        command = [ruff, "check", "--no-cache", "--config", str(configuration), str(reader.folder / "src")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_there_are_blocks_of_every_language() -> None:
    assert {language for language, _ in BLOCKS} == {"sh", "python", "text", "diff", "markdown"}
