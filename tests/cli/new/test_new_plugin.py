"""What `gzslbench new plugin` writes installs, passes its checks, and learns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gzslbench.cli import main
from gzslbench.cli.new.scaffold import KINDS

pytestmark = pytest.mark.acceptance

CONFIGURATION = Path(__file__).parents[3] / "pyproject.toml"
SENSIBLE = 40.0
"""Points of H on digits, where chance is 10."""


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def distribution(kind, tmp_path_factory):
    """The folder that the command has written."""
    place = tmp_path_factory.mktemp("place")
    with pytest.raises(SystemExit) as end:
        main(["new", "plugin", f"try-{kind}", "--kind", kind, "--into", str(place)])
    assert not end.value.code
    return place / f"gzslbench-try-{kind}"


@pytest.fixture(scope="module")
def run(distribution, tmp_path_factory):
    """Run Python where pip has installed the distribution."""
    site = tmp_path_factory.mktemp("site")
    place = tmp_path_factory.mktemp("elsewhere")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    install = [sys.executable, "-m", "pip", "install", *options, "--target", str(site), str(distribution)]
    subprocess.run(install, check=True, timeout=120)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GZSLBENCH_")}

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            env={**clean, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"},
            cwd=place,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


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


def test_installed_it_is_listed(run, kind) -> None:
    listed = json.loads(run("-m", "gzslbench", "methods", "--json").stdout)
    assert listed[f"try-{kind}"]["kind"] == KINDS[kind][0]


def test_it_passes_every_check(run, kind) -> None:
    done = run("-m", "gzslbench", "check", f"try-{kind}", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    (outcomes,) = json.loads(done.stdout).values()
    assert sum(item["status"] == "passed" for item in outcomes) >= 15
    assert "readme-names-losses-and-parameters" in {
        item["check"] for item in outcomes if item["status"] == "passed"
    }


def test_its_own_tests_pass(run, distribution) -> None:
    quick = "not conformance or spec-is-complete"  # all of it the command has just tried
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", quick, str(distribution / "tests"))
    assert done.returncode == 0, done.stdout


def test_it_learns_the_digits(run, kind) -> None:
    done = run("-m", "gzslbench", "run", "--method", f"try-{kind}", "--dataset", "digits", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"]["last"]["H"] > SENSIBLE
