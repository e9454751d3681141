"""What `gzslbench new plugin` writes installs, passes its checks, and learns."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from gzslbench.cli import main
from gzslbench.cli.new.scaffold import KINDS

pytestmark = pytest.mark.acceptance

CONFIGURATION = Path(__file__).parents[3] / "pyproject.toml"
PYTEST = "import pytest, sys\nsys.exit(pytest.main(arguments))\n"
SENSIBLE = 40.0
"""Points of H on digits, where chance is 10."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where the command has written a distribution of each kind."""
    place = tmp_path_factory.mktemp("place")
    for kind in KINDS:
        with pytest.raises(SystemExit) as end:
            main(["new", "plugin", f"try-{kind}", "--kind", kind, "--into", str(place)])
        assert not end.value.code
    return place


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def distribution(kind, place):
    return place / f"gzslbench-try-{kind}"


@pytest.fixture(scope="module")
def site(place, tmp_path_factory):
    """Where pip has installed the distributions."""
    site = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    install = [sys.executable, "-m", "pip", "install", *options, "--target", str(site)]
    subprocess.run([*install, *map(str, place.iterdir())], check=True, timeout=120)
    return site


@pytest.fixture
def call(fork, site, tmp_path):
    """Call the command line, or another program, where the distributions are installed."""
    return partial(fork, tmp_path, path=[site])


def test_it_is_ruff_clean(distribution) -> None:
    ruff = pytest.importorskip("ruff.__main__").find_ruff_bin()
    for command in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run(
            [ruff, *command, "--no-cache", "--config", str(CONFIGURATION), str(distribution / "src")],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_it_has_all_that_a_distribution_needs_but_a_licence(distribution) -> None:
    there = {path.relative_to(distribution).as_posix() for path in distribution.rglob("*")}
    assert {
        "pyproject.toml",
        "README.md",
        ".gitignore",
        ".github/workflows/ci.yml",
        "tests/test_conformance.py",
    } <= there
    assert "${{ matrix.python }}" in (distribution / ".github/workflows/ci.yml").read_text()
    assert "LICENSE" not in there and "LICENSE" in (distribution / "README.md").read_text()


def test_installed_it_passes_every_check(call, kind) -> None:
    listed = json.loads(call("methods", "--json").stdout)
    assert listed[f"try-{kind}"]["kind"] == KINDS[kind][0]
    done = call("check", f"try-{kind}", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    (outcomes,) = json.loads(done.stdout).values()
    passed = {item["check"] for item in outcomes if item["status"] == "passed"}
    assert len(passed) >= 15 and "readme-names-losses-and-parameters" in passed


def test_its_own_tests_pass(call, distribution) -> None:
    quick = "not conformance or spec-is-complete"  # the command has just tried all of it
    options = ("-q", "-p", "no:cacheprovider", "-k", quick)
    done = call(*options, str(distribution / "tests"), program=PYTEST)
    assert done.returncode == 0, done.stdout


def test_it_learns_the_digits(call, kind) -> None:
    done = call("run", "--method", f"try-{kind}", "--dataset", "digits", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"]["last"]["H"] > SENSIBLE
