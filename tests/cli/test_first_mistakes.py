"""Mistakes of a first-time user: each message says what happened and what to do."""

from __future__ import annotations

import pytest

from gzslbench.data.load import load_dataset


@pytest.fixture
def place(gzslbench, tmp_path):
    """A folder with an uncalibrated run and files of results."""
    assert gzslbench("run", "--method", "eszsl", "--dataset", "digits").exit_code == 0
    (tmp_path / "header.csv").write_text("image,class\n")
    (tmp_path / "one.csv").write_text("image,class\na.png,three\n")
    (tmp_path / "rows.csv").write_text("row,class\n")
    values = ",".join("1" * 3)
    (tmp_path / "kiwi.csv").write_text(f"kiwi,{values}\n")
    return gzslbench


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("evaluate", "header.csv", "--dataset", "digits", "--name", "mine"),
            ("name no images", "header.csv"),
        ),
        (("evaluate", "one.csv", "--dataset", "digits", "--name", "m"), ("name no images", "'row'")),
        (("evaluate", "rows.csv", "--dataset", "digits", "--name", "m"), ("it has no rows", "rows.csv")),
        (("leaderboard", "--select", "val"), ("no runs to compare", "--select", "last")),
        (("leaderboard", "--dataset", "digts"), ("--dataset digts", "hide")),
        (("leaderboard", "--method", "ezsl"), ("--method ezsl", "hide")),
        (
            ("run", "--method", "eszsl", "--dataset", "digits", "--epochs", "5"),
            ("closed form", "leave it"),
        ),
        (("predict", "latest", "--features", "x.npy", "--semantics-add", "kiwi.csv"), ("kiwi.csv", "(1, 3)")),
    ],
)
def test_a_mistake_is_explained(place, tmp_path, arguments, words):
    import numpy as np

    np.save(tmp_path / "x.npy", load_dataset("digits").features[:1])
    outcome = place(*arguments)
    assert outcome.exit_code == 2
    for word in words:
        assert word in outcome.output
    assert "Traceback" not in outcome.output
