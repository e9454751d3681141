from __future__ import annotations

import shlex
from types import SimpleNamespace

import pytest

from gzslbench.reporting.command import repeat_command


@pytest.mark.parametrize(
    ("typed", "repeated"),
    [
        ("gzslbench run --dataset CUB", "gzslbench run --dataset CUB --seed 7 --rerun"),
        ("/bin/gzslbench run --seed 1 --seed 7 --method m", "gzslbench run --method m --seed 7 --rerun"),
        ("/lib/gzslbench/__main__.py run --seed=7 --resume", "gzslbench run --seed 7 --rerun"),
        ("gzslbench run --dataset 'my data' --json", "gzslbench run --dataset 'my data' --seed 7 --rerun"),
        ("sweep.py --seed 1", "sweep.py --seed 1"),
    ],
)
def test_the_typed_command_is_narrowed_to_the_records_seed(typed: str, repeated: str) -> None:
    record = SimpleNamespace(cell={"seed": 7}, run={"command": shlex.split(typed)})
    assert repeat_command(record) == repeated  # type: ignore[arg-type]
