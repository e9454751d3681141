"""What docs/tracking.md tells to type, typed in from top to bottom."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs" / "tracking.md"
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)

pytestmark = pytest.mark.acceptance


def told(folder: Path, program: list[str]) -> str:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("GZSLBENCH_", "MLFLOW_"))
    }
    done = subprocess.run(
        [sys.executable, *program],
        cwd=folder,
        env={**clean, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{program}:\n{done.stdout}{done.stderr}"
    assert "is left out of run" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("tracker", ["tensorboard", "mlflow"])
def test_what_was_tracked_is_read_back(tmp_path: Path, tracker: str) -> None:
    if find_spec(tracker) is None:
        pytest.skip(f"pip install 'gzslbench[{tracker}]'")
    commands, programs = ([block for kind, block in BLOCKS if kind == item] for item in ("sh", "python"))
    (command,) = (block for block in commands if f"--track {tracker}" in block)
    (program,) = (block for block in programs if f"from {tracker}" in block)
    shown = told(tmp_path, ["-m", *command.split()])
    read = told(tmp_path, ["-c", program])
    (last,) = re.findall(r"^last +[\d.]+ +[\d.]+ +([\d.]+)", shown, re.MULTILINE)
    assert last in {f"{float(number):.2f}" for number in re.findall(r"\d+\.\d+", read)}


def test_every_name_in_it_is_one_that_trackers_get() -> None:
    from gzslbench.runs import tracking as series

    text = DOCUMENT.read_text(encoding="utf-8")
    for name in (series.TEST_BY_EPOCH, series.TEST_ONCE, series.VALIDATION_BY_EPOCH):
        assert f"`{name}/H`" in text
