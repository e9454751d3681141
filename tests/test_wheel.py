"""What a user installs, built from the sources that git knows, away from any checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "gzslbench": "gzslbench",
    "gzslbench_methods": "methods",
    "gzslbench_features": "features",
    "gzslbench_benchmarks": "benchmarks",
}
OFFLINE = ("--no-deps", "--no-index", "--disable-pip-version-check", "--quiet", "--no-compile")

pytestmark = pytest.mark.acceptance


def call(*command: str, cwd: Path, **environment: str) -> str:
    """Standard output of a Python command that must succeed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GZSLBENCH", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={**kept, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def installed(target: Path, *command: str, cwd: Path) -> str:
    """Run Python with the packages under ``target`` and the libraries of this environment.

    Without site (-S) no .pth file is followed, so an editable install of the checkout stays out of sight.
    """
    libraries = (path for path in sys.path if path and Path(path).resolve() != ROOT)
    path = os.pathsep.join([str(target), *libraries])
    return call("-S", *command, cwd=cwd, PYTHONPATH=path, GZSLBENCH_PLUGINS="")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the files that git tracks or would, and of no others."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("the sources are told from other files by git, and this is no checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    copy = tmp_path / "sources"
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def expected_files(sources: Path) -> set[str]:
    """Every module of the packages, with what they read and what a reader of a method needs."""
    files: set[str] = set()
    for package, folder in PACKAGES.items():
        for pattern in (
            "**/*.py",
            "**/*.toml",
            "**/README.md",
            "metrics/*.json",
            "speed/measured/*.json",
            "py.typed",
            "**/*.mplstyle",
            "**/*.tmpl",
            "report/html/assets/*",
            "report/html/templates/*",
        ):
            files |= {
                f"{package}/{path.relative_to(sources / folder).as_posix()}"
                for path in (sources / folder).glob(pattern)
            }
    return files


def check_it_runs(target: Path, elsewhere: Path) -> None:
    """List the methods and train one, all of it from ``target``."""
    places = "import importlib, sys; [print(importlib.import_module(n).__file__) for n in sys.argv[1:]]"
    modules = (*PACKAGES, "gzslbench_methods.ce_gzsl.method", "gzslbench_methods.f_clswgan.method")
    for file in installed(target, "-c", places, *modules, cwd=elsewhere).splitlines():
        assert Path(file).is_relative_to(target), file
    listed = json.loads(installed(target, "-m", "gzslbench", "methods", "--json", cwd=elsewhere))
    folders = (file.parent.name for file in (ROOT / "methods").glob("*/defaults.toml"))
    assert set(listed) == {folder.replace("_", "-") for folder in folders}
    heads = json.loads(installed(target, "-m", "gzslbench", "heads", "--json", cwd=elsewhere))
    assert {"lisgan-transductive", "zlap"} <= set(heads)
    results = elsewhere / "results"
    arguments = ["run", "--method", "ce-gzsl", "--dataset", "digits", "--epochs", "2", "--json"]
    for setting in ("ngh=16", "ndh=16", "syn_num=20", "batch_size=512", "critic_iter=1"):
        arguments += ["--set", setting]
    arguments += ["--results", str(results)]
    record = json.loads(installed(target, "-m", "gzslbench", *arguments, cwd=elsewhere))
    assert record["status"] == "complete"
    assert record["metrics"]["last"]["epoch"] == 2
    assert json.loads((results / record["id"] / "record.json").read_text()) == record
    assert [path.name for path in elsewhere.iterdir()] == ["results"]


def test_the_wheel_holds_all_packages_and_data_and_runs_away_from_the_checkout(
    sources: Path, elsewhere: Path, tmp_path: Path
) -> None:
    pytest.importorskip("build")
    call("-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path / "dist"), cwd=sources)
    (wheel,) = (tmp_path / "dist").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    about = {name for name in names if name.partition("/")[0].endswith(".dist-info")}
    expected = expected_files(sources)
    for folder in ("ale", "ce_gzsl"):
        of_method = ("__init__.py", "defaults.toml", "README.md", "plain.py")
        assert {f"gzslbench_methods/{folder}/{file}" for file in of_method} <= expected
    assert {f"gzslbench_methods/heads/zlap/{file}" for file in ("head.py", "defaults.toml")} <= expected
    assert any(name.startswith("gzslbench_benchmarks/suites/") for name in expected)
    assert names - about == expected
    of_tests = [name for name in names if {"tests", "conftest.py"} & set(name.split("/")) or "/test_" in name]
    assert not [name for name in of_tests if not name.endswith(".tmpl")]

    target = tmp_path / "target"
    call("-m", "pip", "install", *OFFLINE, "--target", str(target), str(wheel), cwd=elsewhere)
    check_it_runs(target, elsewhere)


def test_the_sdist_holds_every_source_so_that_its_tests_and_benchmarks_run(
    sources: Path, tmp_path: Path
) -> None:
    pytest.importorskip("build")
    (sources / "benchmarks" / "metrics").mkdir(exist_ok=True)
    (sources / "benchmarks" / "metrics" / "mine.json").touch()
    there = {path.relative_to(sources).as_posix() for path in sources.rglob("*") if path.is_file()}
    (sources / "tests" / "__pycache__").mkdir()
    (sources / "tests" / "__pycache__" / "test_x.cpython-310.pyc").touch()
    call("-m", "build", "--sdist", "--no-isolation", "--outdir", str(tmp_path / "dist"), cwd=sources)
    (sdist,) = (tmp_path / "dist").iterdir()
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if archive.getmember(name).isfile()}
    made = {name for name in names if name == "PKG-INFO" or name.partition("/")[0].endswith(".egg-info")}
    assert names - made == there - {".gitignore"}
    for name in ("tests/test_wheel.py", "constraints.txt", "Makefile", "docs/run.svg"):
        assert name in names
    assert any(name.startswith("benchmarks/suites/") for name in names)


def test_pip_installs_the_sources_without_a_network_or_isolation(
    sources: Path, elsewhere: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    call("-m", "pip", "install", *OFFLINE, "--no-build-isolation", "--target", str(target), ".", cwd=sources)
    packages = {
        path.relative_to(target).as_posix() for name in PACKAGES for path in (target / name).rglob("*")
    }
    assert {name for name in packages if (target / name).is_file()} == expected_files(sources)
    check_it_runs(target, elsewhere)
