from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "plugin.md"
MODULE = "gzslbench_nearest_mean.py"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the plugin that docs/plugin.md shows."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for language, name in (("python", MODULE), ("toml", "pyproject.toml")):
        (block,) = re.findall(f"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        (source / name).write_text(block, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    options = ["--no-build-isolation", "--target", str(target), str(source)]
    subprocess.run([*command, *options], check=True, timeout=120)
    return target
