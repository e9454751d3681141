from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.acceptance

SCRIPT = Path(__file__).parents[1] / ".ci" / "run"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"GZSLBENCH_DATA": "/mine", "GZSLBENCH_CI_DATA": "../theirs"}, "/mine"),
        ({"GZSLBENCH_CI_DATA": "../theirs"}, "{top}/theirs"),
        ({"GZSLBENCH_CI_DATA": "../nowhere"}, "unset"),
        ({}, "unset"),
    ],
)
def test_the_data_of_a_check_are_those_named_where_they_are_there(
    tmp_path: Path, given: dict[str, str], told: str
) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "repository" / ".ci").mkdir(parents=True)
    script = shutil.copy(SCRIPT, tmp_path / "repository" / ".ci" / "run")
    make = tmp_path / "bin" / "make"
    make.parent.mkdir()
    make.write_text('#!/bin/sh\necho "$1 ${GZSLBENCH_DATA-unset}"\n')
    make.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GZSLBENCH")}
    path = f"{make.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", script], env={**kept, "PATH": path, **given}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["test", told.format(top=tmp_path.resolve())]
