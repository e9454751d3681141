"""Every page: its commands are run or it says why not, they exist, and its links lead somewhere."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.prepare.synthetic_folder import write_synthetic_folder

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path
    for path in sorted(
        [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "methods").rglob("README.md")]
    )
    if path.name != "CHANGELOG.md"
}
CODE = ("sh", "python")
PROGRAMS = ("gzslbench", "pip", "make", "python", "ray", "export", "pytest", "mkdocs", "wandb", "tensorboard")
_BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^\n]+) -->\n+)?"
    r"(?:^(?P<indent> *)```(?P<language>\w*)\n(?P<fenced>.*?)^ *```|(?P<indented>(?:^(?: {4}|\t)[^\n]*\n)+))",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A block of code; ``reason`` says why no test runs it, and is empty for others."""

    language: str
    text: str
    reason: str

    @property
    def commands(self) -> list[str]:
        """The lines that call a program."""
        return [line.strip() for line in self.text.splitlines() if line.split()[:1] and self.is_command(line)]

    @staticmethod
    def is_command(line: str) -> bool:
        """Whether a line begins with a program."""
        return line.split()[0] in PROGRAMS


def blocks(path: Path) -> Iterator[Block]:
    """Yield the blocks of a page, from top to bottom."""
    for found in _BLOCK.finditer(path.read_text(encoding="utf-8")):
        text = found["indented"] if found["fenced"] is None else found["fenced"]
        yield Block(found["language"] or "", text, found["reason"] or "")


def has_own_test(path: Path) -> bool:
    """Whether tests/docs has a file for this page."""
    own = HERE / f"test_{path.stem.replace('-', '_')}.py"
    return path.parent == ROOT / "docs" and own.is_file()


def arguments_of(command: str) -> list[str]:
    """The arguments of a command, without a comment behind it."""
    return shlex.split(command, comments=True)[1:]


RUN_HERE = [
    name
    for name, path in PAGES.items()
    if not has_own_test(path) and any(block.language in CODE and not block.reason for block in blocks(path))
]


def parse(arguments: list[str]) -> None:
    """Raise a click error if a command or an option does not exist; values are not looked at."""
    command: click.Command = main
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), arguments[0])
        assert found is not None, arguments
        command, arguments = found, arguments[1:]
    command.make_parser(click.Context(command, info_name=command.name)).parse_args(list(arguments))


@pytest.mark.parametrize("name", PAGES)
def test_every_command_of_a_page_is_run_or_the_page_says_why_not(name):
    for block in blocks(PAGES[name]):
        if block.commands and not block.reason:
            known = block.language in ("sh", "python")
            assert known, f"write ```sh, or <!-- not run: why --> before:\n{block.text}"


@pytest.mark.parametrize("name", PAGES)
def test_every_command_of_a_page_exists_with_its_options(name):
    for block in blocks(PAGES[name]):
        for command in block.commands:
            if command.startswith("gzslbench ") and "..." not in command and " NAME" not in command:
                parse(arguments_of(command.rstrip("&\\ ")))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Folders of the shape of the real ones, a hundredth of their rows."""
    root = tmp_path_factory.mktemp("data")
    for name in ("AWA2", "CUB", "FLO"):
        write_synthetic_folder(name, root / name, scale=0.01)
    features = root / "FLO" / "res101.mat"
    features.rename(features.with_name("efficientnet_lite0.mat"))
    return root


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A results folder with a run, as a reader has who comes from the page that gets one started."""
    folder = tmp_path_factory.mktemp("stored") / "results"
    arguments = ["run", "--method", "sae", "--dataset", "digits", "--seed", "9", "--results", str(folder)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    return folder


@pytest.mark.acceptance
@pytest.mark.parametrize("name", RUN_HERE)
def test_the_commands_of_a_page_work_from_top_to_bottom(name, data, stored, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GZSLBENCH_DATA", str(data))
    if name not in ("README.md", "docs/get-started.md"):
        shutil.copytree(stored, tmp_path / "results")
    names: dict[str, object] = {}
    printed: list[str] = []
    for block in blocks(PAGES[name]):
        if block.language == "python" and not block.reason:
            exec(compile(block.text, name, "exec"), names)
        elif block.language == "sh" and not block.reason:
            for command in filter(None, block.text.splitlines()):
                printed += type_in(command)
        elif block.language == "text" and printed:
            missing = {numbers_as_words(line) for line in block.text.splitlines()} - {
                numbers_as_words(line) for line in printed
            }
            assert missing <= {"..."}, f"the commands above do not print {missing}"


def numbers_as_words(line: str) -> str:
    """Another machine may round differently."""
    return re.sub(r"\d+(\.\d+)?", "number", " ".join(line.split()))


def type_in(command: str) -> list[str]:
    """Call one command and return what it prints; a run on data of the real shape is only planned."""
    program, *arguments = ["gzslbench", *arguments_of(command)]
    assert command.split()[0] == program, command
    built_in = not {"AWA2", "CUB", "FLO"} & set(arguments)
    if arguments[0] == "run" and not built_in and "--dry-run" not in arguments:
        arguments.append("--dry-run")
    outcome = CliRunner().invoke(main, arguments)
    # A made-up folder is not the real one, and verify is there to say so.
    expected = 2 if command == "gzslbench data verify AWA2" else 0
    assert outcome.exit_code == expected, f"{command}: {outcome.output}"
    return outcome.stdout.splitlines()


@pytest.mark.parametrize("name", PAGES)
def test_every_relative_link_of_a_page_leads_to_a_file(name):
    path = PAGES[name]
    text = re.sub(r"(?ms)^```.*?^```|`[^`\n]*`", "", path.read_text(encoding="utf-8"))
    for address in re.findall(r"\]\(([^)\s]+)\)", text):
        target, _, _ = address.partition("#")
        if target and not re.match(r"[a-z]+:", target):
            place = (path.parent / target).resolve()
            assert place.exists(), f"{address} in {name}"


def test_the_commands_of_several_pages_are_run_here():
    assert {"README.md", "docs/get-started.md", "docs/running.md", "docs/results.md"} <= set(RUN_HERE)
