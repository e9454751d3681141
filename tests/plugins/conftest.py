from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
Gzslbench = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the plugin that the README shows."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for language, name in (("python", "gzslbench_nearest_mean.py"), ("toml", "pyproject.toml")):
        (block,) = re.findall(f"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
        (source / name).write_text(block, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    options = ["--no-build-isolation", "--target", str(target), str(source)]
    subprocess.run([*command, *options], check=True, timeout=120)
    return target


@pytest.fixture
def gzslbench(site: Path, tmp_path: Path) -> Gzslbench:
    """Run the command line, in an empty folder, where that distribution is installed."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GZSLBENCH_")}
        return subprocess.run(
            [sys.executable, "-m", "gzslbench", *arguments],
            env={**clean, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1", **environment},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture
def break_module(site: Path) -> Iterator[None]:
    """Break the installed module for one test."""
    module = site / "gzslbench_nearest_mean.py"
    whole = module.read_text(encoding="utf-8")
    module.write_text("raise RuntimeError('its licence has run out')\n", encoding="utf-8")
    yield
    module.write_text(whole, encoding="utf-8")
