from __future__ import annotations

import pytest

SUITE = """
title = "Small cells of several kinds"
[shared]
dataset = "digits"
[[grids]]
method = "eszsl"
dataset = "digits"
seeds = [1]
[[grids]]
method = ["cnzsl", "f-clswgan"]
dataset = "digits"
epochs = 4
seeds = [1, 2]
"""
LONGER = """
title = "Cells of some seconds"
[shared]
dataset = "digits"
[[grids]]
method = ["f-clswgan", "ce-gzsl"]
dataset = "digits"
epochs = 8
set = { syn_num = 50 }
seeds = [1, 2]
"""


@pytest.fixture
def suite(tmp_path):
    """The path of a suite of five cells."""
    path = tmp_path / "small.toml"
    path.write_text(SUITE)
    return path


@pytest.fixture
def longer(tmp_path):
    """The path of a suite of four cells that take some seconds each."""
    path = tmp_path / "small.toml"
    path.write_text(LONGER)
    return path
