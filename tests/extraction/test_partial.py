"""Features on their way to a file, after whatever ended the process that kept them."""

from __future__ import annotations

import numpy as np
import pytest

from gzslbench.extraction.partial import Partial

SHAPE = (40, 2)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "features.h5.partial"


def keep(partial, batch):
    partial.keep(batch, [batch], np.full((1, 2), batch + 1, np.float32), complete=True)


def test_a_torn_last_line_is_not_joined_to_the_next(folder):
    keep(Partial(folder, SHAPE, "us"), 0)
    with (folder / "done").open("a") as file:
        file.write("1")  # of 13, when the process was killed
    again = Partial(folder, SHAPE, "us")
    keep(again, 12)
    assert again.done() == Partial(folder, SHAPE, "us").done() == {0, 12}
