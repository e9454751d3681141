"""`gzslbench predict`: the classes of new rows and photographs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gzslbench.data.load import load_dataset

RUN = ("run", "--method", "eszsl", "--dataset", "digits")


@pytest.fixture
def rows(gzslbench, tmp_path):
    """The features of two test rows in a file, next to a stored run."""
    assert gzslbench(*RUN).exit_code == 0
    digits = load_dataset("digits")
    np.save(tmp_path / "rows.npy", digits.features[digits.split.test_unseen[:2]])
    return digits


def test_the_table_has_the_classes_of_each_row(gzslbench, rows):
    outcome = gzslbench("predict", "eszsl-digits", "--features", "rows.npy", "--top", "2")
    lines = outcome.stdout.splitlines()
    assert len(lines) == 5
    assert [line.split()[:2] for line in lines[1::2]] == [["row", "0"], ["row", "1"]]


def test_json_has_the_same(gzslbench, rows):
    outcome = gzslbench("predict", "eszsl-digits", "--features", "rows.npy", "--top", "3", "--json")
    found = json.loads(outcome.stdout)
    assert [item["image"] for item in found["predictions"]] == ["row 0", "row 1"]
    for item in found["predictions"]:
        scores = [guess["score"] for guess in item["classes"]]
        assert len(scores) == 3
        assert scores == sorted(scores, reverse=True)


def test_a_class_from_a_table_is_a_candidate(gzslbench, rows, tmp_path):
    values = ",".join(map(str, rows.semantics[0].tolist()))
    (tmp_path / "more.csv").write_text(f"hexadecimal A,{values}\n")
    arguments = ("predict", "eszsl-digits", "--features", "rows.npy", "--top", "99")
    outcome = gzslbench(*arguments, "--semantics-add", "more.csv")
    assert outcome.stdout.count("hexadecimal A") == 2
    assert outcome.stdout.count("added") == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name either images, or a file of features"),
        (("a.jpg", "--features", "rows.npy"), "name either images, or a file of features"),
        (("a.jpg",), "there is no such file"),
        (("text.npy",), "does not say how its features were computed"),
        (("--features", "text.npy"), "not an array of numbers"),
        (("--features", "number.npy"), "float64 of shape (), not (n, 64) numbers"),
        (("--features", "large.npy"), "too large for float32"),
        (("--features", "rows.npy", "--semantics-add", "text.npy"), "need their names"),
    ],
)
def test_wrong_input_is_explained(gzslbench, rows, tmp_path, arguments, words):
    (tmp_path / "text.npy").write_text("nothing")
    np.save(tmp_path / "number.npy", np.float64(3))
    np.save(tmp_path / "large.npy", np.full((1, 64), 1e300))
    outcome = gzslbench("predict", "eszsl-digits", *arguments)
    assert outcome.exit_code == 2
    assert words in outcome.output


def test_a_run_that_does_not_exist_is_named(gzslbench, rows):
    outcome = gzslbench("predict", "sae-digits", "--features", "rows.npy")
    assert outcome.exit_code == 2
    assert "sae-digits" in outcome.output
