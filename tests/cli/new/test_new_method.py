"""What `gzslbench new method` writes to a checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gzslbench.cli.new.scaffold import KINDS, find_checkout, new_method
from gzslbench.errors import PluginError

ROOT = Path(__file__).parents[3]
LONGEST = "a-name-as-long-as-names-may-be"


@pytest.fixture
def checkout(tmp_path):
    """A copy of the sources, as far as they are installed."""
    top = tmp_path / "checkout"
    for folder in ("gzslbench", "methods", "features", "benchmarks"):
        shutil.copytree(ROOT / folder, top / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, top / file)
    return top


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_writes_one_folder_and_a_test_and_changes_no_file(checkout) -> None:
    before = files(checkout)
    written = new_method("dark-horse", "scoring", checkout / "methods")
    after = files(checkout)
    assert {path: after[path] for path in before} == before
    assert set(after) - set(before) == set(written)
    test = checkout / "tests" / "methods" / "test_dark_horse.py"
    assert {path.parent for path in written if path != test} == {checkout / "methods" / "dark_horse"}


@pytest.mark.acceptance
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_ruff_clean_with_the_longest_name(checkout, kind) -> None:
    ruff = pytest.importorskip("ruff.__main__").find_ruff_bin()
    written = [str(path) for path in new_method(LONGEST, kind, checkout) if path.suffix == ".py"]
    assert len(written) >= 4 and "plain.py" in {Path(path).name for path in written}
    for command in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run(
            [ruff, *command, "--no-cache", *written], cwd=checkout, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.acceptance
def test_installed_it_passes_its_checks_and_its_test(checkout, tmp_path) -> None:
    written = new_method("dark-horse", "closed-form", checkout)
    target, options = tmp_path / "target", ["--no-deps", "--no-index", "--no-build-isolation", "--no-compile"]
    install = [sys.executable, "-m", "pip", "install", "--quiet", *options, "--target", str(target)]
    subprocess.run([*install, str(checkout)], check=True, timeout=120)
    libraries = [path for path in sys.path if path and Path(path).resolve() != ROOT]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(target), *libraries])}
    environment |= {"GZSLBENCH_PLUGINS": "", "OMP_NUM_THREADS": "1"}

    def call(*arguments):
        # Without site (-S) an editable install of this checkout stays out of sight.
        command = [sys.executable, "-S", *arguments]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    (outcomes,) = json.loads(call("-m", "gzslbench", "check", "dark-horse", "--json", "--fast")).values()
    assert sum(item["status"] == "passed" for item in outcomes) >= 12
    (test,) = [path for path in written if path.name == "test_dark_horse.py"]
    call("-m", "pytest", "-q", "-p", "no:cacheprovider", str(test))


def test_outside_a_checkout_it_says_what_else_to_do(tmp_path) -> None:
    with pytest.raises(PluginError, match="not in a checkout") as error:
        new_method("dark-horse", "scoring", tmp_path)
    assert "new plugin" in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_setup_cfg_of_another_project_or_damaged_is_no_checkout(tmp_path) -> None:
    (tmp_path / "methods").mkdir()
    for text in ("[metadata]\nname = other\n", "name\n", "[options]\n"):
        (tmp_path / "setup.cfg").write_text(text)
        with pytest.raises(PluginError):
            find_checkout(tmp_path)


@pytest.mark.parametrize("there", ["methods/dark_horse", "methods/dark_horse.py"])
def test_a_folder_or_module_that_is_there_is_left_alone(checkout, there) -> None:
    path = checkout / there
    path.write_text("mine") if path.suffix else path.mkdir()
    before = files(checkout)
    with pytest.raises(PluginError, match="already"):
        new_method("dark-horse", "scoring", checkout)
    assert files(checkout) == before


def test_a_test_that_is_there_is_left_alone_and_nothing_is_written(checkout) -> None:
    test = checkout / "tests" / "methods" / "test_dark_horse.py"
    test.parent.mkdir(parents=True)
    test.write_text("mine")
    before = files(checkout)
    with pytest.raises(PluginError, match="already"):
        new_method("dark-horse", "scoring", checkout)
    assert files(checkout) == before
