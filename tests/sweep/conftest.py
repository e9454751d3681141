from __future__ import annotations

import json

import numpy as np
import pytest

from gzslbench.results.store import Store

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


@pytest.fixture
def suite(tmp_path):
    """The path of a suite of five cells."""
    path = tmp_path / "small.toml"
    path.write_text(SUITE)
    return path


def what_is_stored(root):
    """By run, all of its record that no clock decides, and its predictions."""
    found = {}
    for folder in Store(root).runs():
        record = json.loads(folder.record_file.read_text())
        record.pop("run"), record.pop("sha256", None)
        with np.load(folder.predictions_file) as predictions:
            arrays = {name: predictions[name].tobytes() for name in predictions.files}
        found[folder.id] = (record, arrays)
    return found


@pytest.fixture
def stored():
    return what_is_stored
