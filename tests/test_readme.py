"""What the README tells a newcomer to type does what it says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.plugins.registry import plugins
from gzslbench.prepare.synthetic_folder import write_synthetic_folder

README = Path(__file__).parents[1] / "README.md"
COMMANDS = [
    line.removeprefix("gzslbench ")
    for block in re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
]


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
def place(tmp_path_factory):
    """An empty folder with one run of digits in it."""
    place = tmp_path_factory.mktemp("place")
    small = ("ngh=16", "ndh=16", "syn_num=20", "critic_iter=1", "batch_size=512")
    settings = [part for setting in small for part in ("--set", setting)]
    arguments = ["run", "--method", "ce-gzsl", "--dataset", "digits", "--epochs", "1", *settings]
    outcome = CliRunner().invoke(main, [*arguments, "--results", str(place / "results")])
    assert outcome.exit_code == 0, outcome.output
    return place


def test_the_readme_has_commands():
    assert len(COMMANDS) > 10


@pytest.mark.acceptance
def test_every_command_of_the_readme_does_what_it_says(data, place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv("GZSLBENCH_DATA", str(data))
    for command in COMMANDS:
        arguments = shlex.split(command)
        if arguments[0] == "run" and "--dry-run" not in arguments:
            arguments.append("--dry-run")  # at full size they take an hour
        outcome = CliRunner().invoke(main, arguments)
        # A made-up folder is not the real one, and verify is there to say so.
        expected = 2 if command == "data verify AWA2" else 0
        assert outcome.exit_code == expected, f"{command}: {outcome.output}"


def test_the_run_shown_is_one_of_the_stored_metrics():
    shown = re.search(
        r"^last +([\d.]+) +([\d.]+) +([\d.]+)", README.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert shown is not None
    metrics = Path(__file__).parents[1] / "benchmarks" / "metrics" / "cub-resnet1000.json"
    stored = json.loads(metrics.read_text(encoding="utf-8"))
    (run,) = stored["runs"]["eszsl on CUB/att"]["runs"]
    # A closed form has no epochs, so choosing them on validation classes changes nothing.
    assert list(shown.groups()) == [f"{run['by_rule']['val'][name]:.2f}" for name in ("U", "S", "H")]


def test_every_command_of_the_makefile_has_a_line_in_its_help():
    makefile = README.with_name("Makefile").read_text(encoding="utf-8")
    told = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    assert {"help", "demo", "test", "lint", "bench", "docs"} <= told


def test_the_methods_that_it_names_are_there():
    section = README.read_text(encoding="utf-8").partition("\n## Methods\n")[2].partition("\n## ")[0]
    items = re.findall(r"^- [^:]+: ([^;.]+)[;.]$", section, re.MULTILINE)
    named = {name.strip() for item in items for name in item.split(",")}
    assert len(items) == 4 and len(named) >= 16
    assert named <= {spec.title for spec in plugins().methods().values()}
