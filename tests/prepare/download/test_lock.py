from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gzslbench.errors import DataError
from gzslbench.prepare.download.lock import held


def test_a_lock_is_held_by_one_and_let_go_at_the_end(tmp_path):
    path = tmp_path / "lab.zip.lock"
    with held(path):
        with pytest.raises(DataError, match=f"fetched already: process {os.getpid()} on"), held(path):
            pass
        assert f"process {os.getpid()} on" in path.read_text()
    with held(path):
        pass


def test_a_lock_ends_with_its_process(tmp_path):
    path = tmp_path / "lab.zip.lock"
    code = "import os, sys, pathlib; from gzslbench.prepare.download.lock import held\n"
    code += "with held(pathlib.Path(sys.argv[1])): os._exit(3)"
    assert subprocess.run([sys.executable, "-c", code, path], timeout=20).returncode == 3
    with held(path):
        pass


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DataError, match="cannot be written"), held(tmp_path / "no" / "lock"):
        pass
