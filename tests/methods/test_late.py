"""Torch for the methods in one file: the module itself, but imported late."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import gzslbench_methods
from gzslbench_methods import late, layers

ONE_FILE = [
    file.parent.name
    for file in Path(gzslbench_methods.__file__).parent.glob("*/__init__.py")
    if "gzslbench_methods.late" in file.read_text(encoding="utf-8")
]


def test_a_name_is_that_of_the_module_itself() -> None:
    assert late.torch.where is torch.where and late.nn.Linear is torch.nn.Linear
    assert late.functional.normalize is torch.nn.functional.normalize
    assert late.layers.linear is layers.linear
    with pytest.raises(AttributeError, match="no_such_function"):
        late.torch.no_such_function  # noqa: B018


@pytest.mark.acceptance
def test_importing_a_method_in_one_file_imports_no_torch() -> None:
    assert len(ONE_FILE) >= 5
    names = ", ".join(f"gzslbench_methods.{name}" for name in ONE_FILE)
    code = f"import sys; import {names}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
